//! Header values that are not ASCII: RFC 2047 encoded words, and raw UTF-8 or Latin-1 bytes as some clients send them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The text of a header value. What is no well-formed encoded word stands for itself.
pub(super) fn decode(raw: &[u8]) -> String {
    let text = match std::str::from_utf8(raw) {
        Ok(text) => text.to_owned(),
        Err(_) => raw.iter().map(|byte| char::from(*byte)).collect(),
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    let mut after_word = false;
    while let Some(start) = rest.find("=?") {
        let (before, from) = rest.split_at(start);
        match word(from) {
            Some((decoded, after)) => {
                // Blanks between two encoded words only separate them.
                if !(after_word && before.trim().is_empty()) {
                    out.push_str(before);
                }
                out.push_str(&decoded);
                rest = after;
                after_word = true;
            }
            None => {
                let (marker, after) = from.split_at(2);
                out.push_str(before);
                out.push_str(marker);
                rest = after;
                after_word = false;
            }
        }
    }
    out.push_str(rest);
    out
}

/// `=?charset?B|Q?text?=` at the beginning of `text`, decoded, and what comes after it.
fn word(text: &str) -> Option<(String, &str)> {
    let (charset, rest) = text.strip_prefix("=?")?.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    let (content, after) = rest.split_once("?=")?;
    let bytes = match encoding {
        "B" | "b" => STANDARD.decode(content).ok()?,
        "Q" | "q" => quoted(content)?,
        _ => return None,
    };
    let charset = charset
        .split('*')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let decoded = match charset.as_str() {
        "utf-8" | "us-ascii" => String::from_utf8(bytes).ok()?,
        "iso-8859-1" => bytes.into_iter().map(char::from).collect(),
        _ => return None,
    };
    Some((decoded, after))
}

fn quoted(content: &str) -> Option<Vec<u8>> {
    let mut bytes = content.bytes();
    let mut out = Vec::with_capacity(content.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'_' => b' ',
            b'=' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_words_are_decoded_and_the_rest_is_kept() {
        for (raw, text) in [
            ("=?UTF-8?B?c2UtYW15?=", "se-amy"),
            ("=?utf-8?q?J=C3=BCrgen_K?=", "J\u{fc}rgen K"),
            ("=?ISO-8859-1?Q?J=FCrgen?=", "J\u{fc}rgen"),
            ("=?UTF-8?B?YQ==?= =?UTF-8?B?Yg==?=", "ab"),
            ("plain =?x", "plain =?x"),
            ("=?UTF-8?B?***?=", "=?UTF-8?B?***?="),
            ("a=?b?=c", "a=?b?=c"),
        ] {
            assert_eq!(decode(raw.as_bytes()), text, "{raw}");
        }
        assert_eq!(decode(&[0x4a, 0xfc]), "J\u{fc}");
    }
}
