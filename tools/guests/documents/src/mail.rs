//! E-mails (RFC 5322, MIME): who, to whom, when, about what, the text, and the names of what is
//! attached.

use mail_parser::{Address, MessageParser, MimeHeaders};

pub(crate) fn text(bytes: &[u8]) -> Result<String, String> {
    let message = MessageParser::default()
        .parse(bytes)
        .filter(|message| message.from().is_some() || message.subject().is_some())
        .ok_or("no e-mail, whatever its name says")?;
    let mut out = format!("# {}\n\n", message.subject().unwrap_or("(no subject)"));
    for (name, people) in [("From", message.from()), ("To", message.to()), ("Cc", message.cc())] {
        if let Some(people) = people {
            out += &format!("{name}: {}\n", listed(people));
        }
    }
    if let Some(date) = message.date() {
        out += &format!("Date: {}\n", date.to_rfc3339());
    }
    for at in 0..message.text_body_count() {
        // Where there is only HTML, its text.
        let text = message.body_text(at).unwrap_or_default();
        out += &format!("\n{}\n", text.replace("\r\n", "\n").trim_end());
    }
    let attached: Vec<String> = message
        .attachments()
        .map(|part| {
            let name = part.attachment_name().unwrap_or("(without a name)");
            format!("- {name}, {} bytes", part.contents().len())
        })
        .collect();
    if !attached.is_empty() {
        out += &format!("\n## Attachments\n\n{}\n", attached.join("\n"));
    }
    Ok(out)
}

fn listed(people: &Address<'_>) -> String {
    let one = |person: &mail_parser::Addr<'_>| match (person.name(), person.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (name, address) => name.or(address).unwrap_or_default().to_string(),
    };
    people.iter().map(one).collect::<Vec<_>>().join(", ")
}
