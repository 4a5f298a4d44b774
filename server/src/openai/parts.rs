//! What a message of a client says: text, and images that stand in it. What the model does not take is refused,
//! never left out; no address is fetched.

use agent_core::content::{ContentPart, Detail, Input, MOST_PARTS, MOST_SENT};
use agent_core::message::Message;
use serde::Deserialize;
use serde_json::Value;

use crate::error::ApiError;
use crate::images;
use crate::shared::Served;

/// What a message says.
#[derive(Deserialize, Debug)]
#[serde(untagged, expecting = "`content` is a text or a list of parts")]
pub(crate) enum Content {
    Text(String),
    Parts(Vec<Value>),
}

/// What the messages of one request may hold beside text, and how much of it there has been.
pub(crate) struct Taken<'a> {
    model: &'a Served,
    images: usize,
    bytes: u64,
}

/// A text, and the images that stand in it.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) images: Vec<ContentPart>,
}

impl Content {
    /// Its text, where nothing else may stand. Texts that follow each other are lines of one.
    pub(crate) fn text(self, at: &str) -> Result<String, ApiError> {
        let parts = match self {
            Content::Text(text) => return Ok(text),
            Content::Parts(parts) => parts,
        };
        let texts = parts.iter().enumerate().map(|(place, part)| {
            text(part).ok_or_else(|| {
                let why = format!("a part of type `{}`: here text stands alone", kind(part));
                ApiError::unsupported(&format!("{at}.{place}"), &why)
            })
        });
        Ok(texts.collect::<Result<Vec<_>, _>>()?.join("\n"))
    }

    /// What it says to a model. Texts that follow each other are lines of one.
    pub(crate) fn said(self, at: &str, taken: &mut Taken<'_>) -> Result<Said, ApiError> {
        let parts = match self {
            Content::Text(text) => return Ok(Said { text, images: Vec::new() }),
            Content::Parts(parts) => parts,
        };
        let (mut said, mut follows) = (Said::default(), false);
        for (place, part) in parts.into_iter().enumerate() {
            let at = format!("{at}.{place}");
            match text(&part) {
                Some(text) if follows => said.text += &format!("\n{text}"),
                Some(text) => said.text += text,
                None => {
                    let image = taken.image(&part, &at)?;
                    said.images.push(ContentPart { after: Some(said.text.len()), ..image });
                }
            }
            follows = text(&part).is_some();
        }
        Ok(said)
    }
}

impl Said {
    /// The message that this makes of its text, with its images.
    pub(crate) fn by(self, message: impl FnOnce(String) -> Message) -> Message {
        Message { parts: self.images, ..message(self.text) }
    }
}

fn text(part: &Value) -> Option<&str> {
    match part["type"].as_str() {
        Some("text" | "input_text" | "output_text") => part["text"].as_str(),
        _ => None,
    }
}

/// What a part calls itself, as far as it is shown.
fn kind(part: &Value) -> String {
    part["type"].as_str().unwrap_or_default().chars().take(40).collect()
}

impl<'a> Taken<'a> {
    /// Nothing yet, of what this model takes.
    pub(crate) fn by(model: &'a Served) -> Self {
        Self { model, images: 0, bytes: 0 }
    }

    fn image(&mut self, part: &Value, at: &str) -> Result<ContentPart, ApiError> {
        let Served { name, generator, .. } = self.model;
        let takes = generator.takes(Input::Image);
        let kind = kind(part);
        if !matches!(&*kind, "image_url" | "input_image") {
            let what = if takes { "text and images" } else { "text only" };
            let why = format!("a part of type `{kind}`: the model `{name}` takes {what}");
            return Err(ApiError::unsupported(at, &why));
        }
        let url = part["image_url"]["url"].as_str().or(part["image_url"].as_str());
        if url.is_some_and(is_address) {
            let why = "the address of an image is never fetched, whatever the model takes\nhint: send \
                       the image itself: `data:image/png;base64,…`";
            return Err(ApiError::unsupported(at, why));
        }
        if !takes {
            let why = format!(
                "the model `{name}` takes text only, and no images\nhint: ask a model whose \
                 `input_modalities` in `/v1/models` has `image`"
            );
            return Err(ApiError::unsupported(at, &why));
        }
        if !part["file_id"].is_null() {
            return Err(ApiError::unsupported(
                at,
                "no files are stored here: send the image itself",
            ));
        }
        let detail = match &part["image_url"]["detail"] {
            Value::Null => &part["detail"],
            detail => detail,
        };
        let detail = Option::<Detail>::deserialize(detail).map_err(|_| {
            let message = format!("the `detail` of `{at}` is `auto`, `low`, `high` or `original`");
            ApiError::param(at, message)
        })?;
        let url = url.ok_or_else(|| ApiError::param(at, format!("`{at}` has no `image_url`")))?;
        let wrong = |problem: String| ApiError::param(at, format!("`{at}` {problem}"));
        self.images += 1;
        if self.images > MOST_PARTS {
            return Err(wrong(format!(
                "is one more image than the {MOST_PARTS} that a request may have"
            )));
        }
        let image = images::of_url(url).map_err(wrong)?;
        self.bytes += image.bytes;
        if self.bytes > MOST_SENT {
            let most = MOST_SENT >> 20;
            return Err(wrong(format!(
                "is beyond the {most} MiB of images that a request may have"
            )));
        }
        Ok(ContentPart { detail, ..image })
    }
}

/// Whether it says where an image would be, and holds none.
fn is_address(url: &str) -> bool {
    !url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) && url.contains(':')
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use agent_core::model::{ModelError, Reply, Request, Sampling, TokenLogprob, Traits};
    use async_trait::async_trait;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use super::*;
    use crate::generator::{Generator, How};
    use crate::queue::Queue;

    /// A model that is never asked.
    struct Takes(&'static [Input]);

    #[async_trait]
    impl Generator for Takes {
        fn traits(&self) -> Traits {
            Traits { constrained: false, caches: false, context: 0 }
        }

        fn takes(&self, input: Input) -> bool {
            self.0.contains(&input)
        }

        fn sampling(&self) -> Sampling {
            Sampling::default()
        }

        fn holds(&self, _: &Value) -> Result<(), String> {
            Ok(())
        }

        async fn generate(
            &self,
            _: &Request,
            _: How,
            _: &mut (dyn for<'t> FnMut(&'t str, &'t [TokenLogprob]) + Send),
        ) -> Result<Reply, ModelError> {
            Err(ModelError::Form("it is never asked".to_string()))
        }
    }

    fn said(inputs: &'static [Input], parts: &[Value]) -> Result<Said, ApiError> {
        let name = "m".to_string();
        let model = Served { name, generator: Arc::new(Takes(inputs)), queue: Queue::new(1, 1) };
        Content::Parts(parts.to_vec()).said("messages.0.content", &mut Taken::by(&model))
    }

    const SEES: &[Input] = &[Input::Text, Input::Image];

    fn png(rest: usize) -> String {
        let bytes = [&b"\x89PNG\r\n\x1a\n"[..], &vec![0; rest]].concat();
        format!("data:image/png;base64,{}", STANDARD.encode(bytes))
    }

    fn image(url: &str) -> Value {
        json!({ "type": "image_url", "image_url": { "url": url } })
    }

    fn text(text: &str) -> Value {
        json!({ "type": "text", "text": text })
    }

    #[test]
    fn images_stand_where_they_stood() {
        let mut first = image(&png(1));
        first["image_url"]["detail"] = json!("low");
        let second = json!({ "type": "input_image", "image_url": png(2), "detail": "high" });
        let parts = [text("one:"), first, text("two:"), text("or"), second];
        let said = said(SEES, &parts).unwrap();
        assert_eq!(said.text, "one:two:\nor");
        let stand: Vec<_> =
            said.images.iter().map(|part| (part.after, part.detail, part.bytes)).collect();
        let expected = [(Some(4), Some(Detail::Low), 9), (Some(11), Some(Detail::High), 10)];
        assert_eq!(stand, expected);
    }

    #[test]
    fn what_is_refused_says_which_part_and_why() {
        let mut odd = image(&png(0));
        odd["image_url"]["detail"] = json!("huge");
        for (inputs, part, code, says) in [
            (&SEES[..1], image(&png(0)), "unsupported_parameter", "`m` takes text only"),
            (&SEES[..1], json!({ "type": "file" }), "unsupported_parameter", "`m` takes text only"),
            (SEES, json!({ "type": "file" }), "unsupported_parameter", "takes text and images"),
            (SEES, json!("text"), "unsupported_parameter", "takes text and images"),
            (SEES, image("https://h/a.png"), "unsupported_parameter", "is never fetched"),
            (SEES, image("file:///etc/passwd"), "unsupported_parameter", "is never fetched"),
            (
                SEES,
                json!({ "type": "input_image", "file_id": "f" }),
                "unsupported_parameter",
                "no files are stored",
            ),
            (SEES, json!({ "type": "image_url" }), "invalid_request", "has no `image_url`"),
            (SEES, odd, "invalid_request", "`detail`"),
            (SEES, image("data:image/png;base64,%"), "invalid_request", "no base64"),
            (SEES, image("data:image/png;base64,QUJD"), "invalid_request", "no PNG, JPEG"),
            (SEES, image("aGk="), "invalid_request", "data:image/png;base64"),
            (SEES, image(&png(5 << 20)), "invalid_request", "at most 5.0 MiB"),
        ] {
            let error = said(inputs, &[text("x"), part]).unwrap_err();
            assert_eq!((error.code, error.param.as_deref()), (code, Some("messages.0.content.1")));
            assert!(error.message.contains(says), "{}", error.message);
        }
    }

    #[test]
    fn a_request_has_so_many_images_and_so_many_bytes_of_them() {
        let place = |parts: &[Value]| said(SEES, parts).map_err(|error| error.param);
        let small = vec![image(&png(0)); MOST_PARTS + 1];
        assert!(place(&small[1..]).is_ok());
        assert_eq!(place(&small), Err(Some(format!("messages.0.content.{MOST_PARTS}"))));
        let large = vec![image(&png((5 << 20) - 8)); 5];
        assert!(place(&large[1..]).is_ok());
        assert_eq!(place(&large), Err(Some("messages.0.content.4".to_string())));
    }
}
