//! XML as it comes: elements by their local names, text with its references resolved. There is no
//! tree and no recursion, so depth costs nothing; a document's own entities are not expanded.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::escape::{resolve_html5_entity, unescape_with};
use quick_xml::events::{BytesStart, Event};

pub(crate) enum Node<'a> {
    Open(Tag<'a>),
    /// The local name of what ends.
    Close(String),
    Text(Cow<'a, str>),
}

pub(crate) struct Tag<'a>(BytesStart<'a>);

impl Tag<'_> {
    /// Its local name.
    pub(crate) fn name(&self) -> String {
        self.0.local_name().into_inner().to_string()
    }

    /// An attribute by its local name, or by its whole name where that has a prefix.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let mut all = self.0.html_attributes();
        let found =
            all.with_checks(false).flatten().find(|attribute| match name.contains(':') {
                true => attribute.key.into_inner() == name,
                false => attribute.key.local_name().into_inner() == name,
            })?;
        let value = unescape_with(&found.value, resolve_html5_entity);
        Some(value.map_or_else(|_| found.value.to_string(), Cow::into_owned))
    }

    /// An attribute that is a number.
    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        self.get(name)?.trim().parse().ok()
    }
}

/// Gives each node to `each`, in order, until the text ends or makes no sense any more.
pub(crate) fn walk<'a>(text: &'a str, mut each: impl FnMut(Node<'a>)) -> Result<(), String> {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => each(Node::Open(Tag(tag))),
            Ok(Event::End(tag)) => each(Node::Close(tag.local_name().into_inner().to_string())),
            Ok(Event::Text(text)) => each(Node::Text(text.into_inner())),
            Ok(Event::CData(text)) => each(Node::Text(text.into_inner())),
            Ok(Event::GeneralRef(name)) => {
                let letter = name.resolve_char_ref().ok().flatten().map(|c| c.to_string());
                let known = || resolve_html5_entity(&name.clone().into_inner()).map(String::from);
                each(Node::Text(letter.or_else(known).unwrap_or_default().into()));
            }
            Ok(Event::Eof) => return Ok(()),
            Ok(_) => {}
            Err(_) => return Err("that is broken: its XML cannot be read".to_string()),
        }
    }
}
