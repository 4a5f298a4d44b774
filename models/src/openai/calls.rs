//! Calls put together from the parts that they come in.
//!
//! An index that is unique to a call and an id that is given once would tell parts apart. Servers
//! leave the index out or count it wrongly, and leave ids empty or give them twice. So a part begins a
//! call if anything says so: another id or index with a name, or a name after arguments that are whole.

use agent_core::message::ToolCall;
use guard::Redactor;
use serde_json::Value;

use super::names::Names;

/// A part of a call; what is empty was not said.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct CallPart {
    pub(super) index: Option<u64>,
    pub(super) id: Option<String>,
    /// What the server calls this part of its output, where that is not the call's id.
    pub(super) item: Option<String>,
    pub(super) name: Option<String>,
    pub(super) arguments: Option<String>,
}

/// The calls of a reply so far.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Call>);

#[derive(Debug, Default)]
struct Call {
    index: Option<u64>,
    id: String,
    item: Option<String>,
    name: String,
    arguments: String,
}

impl Call {
    /// Nothing can follow these arguments.
    fn whole(&self) -> bool {
        serde_json::from_str::<Value>(&self.arguments).is_ok_and(|value| value.is_object())
    }

    fn open(&self) -> bool {
        !self.arguments.is_empty() && !self.whole()
    }

    /// Whether a part that points at this call belongs to it.
    fn goes_on(&self, part: &CallPart) -> bool {
        let Some(name) = &part.name else {
            return true;
        };
        let other = part.id.as_ref().is_some_and(|id| !self.id.is_empty() && *id != self.id);
        let more = part.arguments.as_ref().is_some_and(|more| !more.is_empty());
        match () {
            _ if self.open() => true,
            _ if other => false,
            // Said once more, or a second call with the same arguments and no id of its own.
            _ if self.whole() && more => {
                part.id.is_some()
                    && *name == self.name
                    && part.arguments.as_ref() == Some(&self.arguments)
            }
            _ => part.id.is_some() || part.index.is_some() || more && !self.whole(),
        }
    }
}

impl Calls {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes a part in.
    pub(super) fn take(&mut self, part: CallPart) {
        let at = self.of(&part).unwrap_or_else(|| {
            self.0.push(Call { index: part.index, ..Call::default() });
            self.0.len() - 1
        });
        let call = &mut self.0[at];
        let CallPart { id, item, name, arguments, .. } = part;
        call.item = call.item.take().or(item);
        if call.id.is_empty() {
            call.id = id.unwrap_or_default();
        }
        if let Some(name) = name.filter(|name| *name != call.name)
            && call.arguments.is_empty()
        {
            call.name.push_str(&name);
        }
        if let Some(arguments) = arguments.filter(|more| *more != call.arguments || !call.whole()) {
            call.arguments.push_str(&arguments);
        }
    }

    /// Takes a call in full: it fills in what its parts did not say, or is a call of its own.
    pub(super) fn complete(&mut self, whole: CallPart) {
        let value = |text: &str| serde_json::from_str::<Value>(text).ok();
        let told = whole.arguments.as_deref().and_then(value);
        let by_id = |call: &Call| {
            let item = whole.item.is_some() && whole.item == call.item;
            item || whole.id.as_ref().is_some_and(|id| *id == call.id)
        };
        // A server may count all its calls as one: those with other arguments are others.
        let by_index = |call: &Call| {
            call.index == whole.index && (!call.whole() || value(&call.arguments) == told)
        };
        let found = self.0.iter().rposition(by_id).or_else(|| self.0.iter().rposition(by_index));
        let Some(at) = found else { return self.take(whole) };
        let call = &mut self.0[at];
        let takes = told.is_some() || call.arguments.is_empty();
        if let Some(arguments) = whole.arguments.filter(|_| takes) {
            call.arguments = arguments;
        }
        if let Some(name) = whole.name {
            call.name = name;
        }
        if call.id.is_empty() {
            call.id = whole.id.unwrap_or_default();
        }
    }

    /// The call that a part goes on with; none where it begins one.
    fn of(&self, part: &CallPart) -> Option<usize> {
        let last = self.0.len().checked_sub(1)?;
        let by_index = |call: &Call| call.index == part.index;
        let by_id = |call: &Call| part.id.as_ref().is_some_and(|id| *id == call.id);
        let both = |call: &Call| by_id(call) && (by_index(call) || part.index.is_none());
        let found = match part.index {
            Some(_) => self.0.iter().rposition(both).or_else(|| self.0.iter().rposition(by_index)),
            None if part.id.is_some() => self.0.iter().rposition(by_id),
            None if part.item.is_some() => {
                self.0.iter().rposition(|call| call.item == part.item).or(Some(last))
            }
            None => Some(last),
        };
        match found {
            Some(at) => self.0[at].goes_on(part).then_some(at),
            // An index or id that was not seen before, and no name: it was counted up for nothing.
            None if part.name.is_none() && self.0[last].open() => Some(last),
            None => None,
        }
    }

    /// The calls, each with an id of its own.
    pub(super) fn into_calls(self, names: &Names, redactor: &Redactor) -> Vec<ToolCall> {
        let mut calls: Vec<ToolCall> = Vec::new();
        for (n, call) in self.0.into_iter().enumerate() {
            let given = redactor.clean_text(call.id);
            let taken = |id: &str| id.is_empty() || calls.iter().any(|call| call.id == id);
            let id = match taken(&given) {
                true => format!("call-{}", n + 1),
                false => given,
            };
            calls.push(ToolCall {
                id,
                name: names.own(&redactor.clean_text(call.name)),
                arguments: crate::arguments(Value::String(redactor.clean_text(call.arguments))),
            });
        }
        calls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Part<'a> = (Option<u64>, Option<&'a str>, Option<&'a str>, Option<&'a str>);

    fn calls(parts: &[Part<'_>]) -> Vec<String> {
        let mut calls = Calls::default();
        for (index, id, name, arguments) in parts {
            let [id, name, arguments] = [id, name, arguments].map(|text| text.map(str::to_string));
            calls.take(CallPart { index: *index, id, name, arguments, ..CallPart::default() });
        }
        let calls = calls.into_calls(&Names::default(), &Redactor::default());
        let mut ids: Vec<_> = calls.iter().map(|call| call.id.clone()).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), calls.len(), "each call has an id of its own");
        calls.iter().map(|call| format!("{} {}", call.name, call.arguments)).collect()
    }

    const A: Option<&str> = Some(r#"{"p":"a"}"#);
    const B: Option<&str> = Some(r#"{"p":"b"}"#);
    const F: Option<&str> = Some("f");

    #[test]
    fn parallel_calls_are_told_apart_whatever_is_missing() {
        let two = [r#"f {"p":"a"}"#, r#"f {"p":"b"}"#];
        let (head, tail) = (Some(r#"{"p":"#), [Some(r#""a"}"#), Some(r#""b"}"#)]);
        for parts in [
            // Well written, one after the other and in turns.
            vec![(Some(0), Some("x"), F, A), (Some(1), Some("y"), F, B)],
            vec![
                (Some(0), Some("x"), F, Some("")),
                (Some(1), Some("y"), F, Some("")),
                (Some(1), None, None, head),
                (Some(0), None, None, head),
                (Some(1), None, None, tail[1]),
                (Some(0), None, None, tail[0]),
            ],
            // No index, no id, the same index, the same id.
            vec![(None, Some("x"), F, A), (None, Some("y"), F, B)],
            vec![(None, None, F, A), (None, None, F, B)],
            vec![(None, None, F, head), (None, None, None, tail[0]), (None, None, F, B)],
            vec![(Some(0), Some("x"), F, A), (Some(0), Some("y"), F, B)],
            vec![(Some(0), None, F, A), (Some(0), None, F, B)],
            vec![(Some(0), Some("x"), F, A), (Some(0), Some("x"), F, B)],
            vec![(Some(0), Some("x"), F, A), (Some(1), Some("x"), F, B)],
            vec![
                (Some(0), Some("x"), F, Some("")),
                (Some(0), None, None, A),
                (Some(0), Some("y"), F, Some("")),
                (Some(0), None, None, B),
            ],
            // Id and name with every part, an id that changes, an index that counts parts.
            vec![
                (Some(0), Some("x"), F, head),
                (Some(0), Some("x"), F, tail[0]),
                (Some(1), Some("y"), F, head),
                (Some(1), None, None, tail[1]),
            ],
            vec![
                (None, Some("x1"), F, head),
                (None, Some("x2"), None, tail[0]),
                (None, Some("y1"), F, head),
                (None, Some("y2"), None, tail[1]),
            ],
            vec![
                (Some(0), Some("x"), F, head),
                (Some(1), None, None, tail[0]),
                (Some(2), Some("y"), F, head),
                (Some(3), None, None, tail[1]),
            ],
        ] {
            assert_eq!(calls(&parts), two, "{parts:?}");
        }
    }

    #[test]
    fn a_call_in_full_fills_in_what_its_parts_left_out() {
        let part = |index, id: &str, arguments: Option<&str>| CallPart {
            index,
            id: Some(id.to_string()),
            item: Some(format!("item-{id}")),
            name: Some("f".to_string()),
            arguments: arguments.map(str::to_string),
        };
        let end = |mut calls: Calls, wholes: [CallPart; 2]| {
            wholes.into_iter().for_each(|whole| calls.complete(whole));
            let calls = calls.into_calls(&Names::default(), &Redactor::default());
            calls.into_iter().map(|call| call.arguments["p"].to_string()).collect::<Vec<_>>()
        };
        let wholes = || [part(Some(0), "x", A), part(Some(0), "y", B)];
        // No parts, parts that said nothing, half of it or all of it, with an index that does not count.
        for said in [None, Some(""), Some("{\"p\":")] {
            let mut calls = Calls::default();
            if said.is_some() {
                calls.take(part(Some(0), "x", said));
            }
            assert_eq!(end(calls, wholes()), ["\"a\"", "\"b\""], "{said:?}");
        }
        let mut calls = Calls::default();
        calls.take(part(Some(0), "x", A));
        calls.take(part(Some(0), "y", B));
        assert_eq!(end(calls, wholes()), ["\"a\"", "\"b\""]);
        // Other ids at the end than in between.
        let mut calls = Calls::default();
        calls.take(part(Some(0), "v", A));
        calls.take(part(Some(1), "w", B));
        let wholes = [part(Some(0), "x", A), part(Some(1), "y", B)];
        assert_eq!(end(calls, wholes), ["\"a\"", "\"b\""]);
    }

    #[test]
    fn parts_are_told_apart_by_the_item_they_name() {
        let mut calls = Calls::default();
        for item in ["i", "j"] {
            let (id, name) = (Some(format!("c{item}")), Some("f".to_string()));
            calls.take(CallPart { id, name, item: Some(item.to_string()), ..CallPart::default() });
        }
        for (item, arguments) in [("i", A), ("j", B)] {
            let arguments = arguments.map(str::to_string);
            calls.take(CallPart { item: Some(item.to_string()), arguments, ..CallPart::default() });
        }
        let calls = calls.into_calls(&Names::default(), &Redactor::default());
        assert_eq!(calls[0].arguments["p"], "a");
        assert_eq!(calls[1].arguments["p"], "b");
    }

    #[test]
    fn one_call_stays_one() {
        let once = [r#"f {"p":"a"}"#];
        assert_eq!(calls(&[(Some(0), Some("x"), F, A), (Some(0), Some("x"), F, A)]), once);
        let named = [
            (None, None, F, None),
            (None, None, F, Some("{\"p\":")),
            (None, None, None, Some("\"a\"}")),
        ];
        assert_eq!(calls(&named), once);
        let pieces = [(Some(0), Some("x"), Some("files"), None), (Some(0), None, Some("_read"), A)];
        assert_eq!(calls(&pieces), [r#"files_read {"p":"a"}"#]);
        let unnamed = [(Some(0), Some("x"), F, None), (Some(1), Some("y"), F, Some("{}"))];
        assert_eq!(calls(&unnamed), ["f {}", "f {}"]);
    }
}
