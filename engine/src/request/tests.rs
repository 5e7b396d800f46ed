#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use super::json::{Reader, special};
use super::{AmCall, External, Request, Target, read_am};
use crate::error::ErrorCode;
use crate::limits::{MAX_INSTANT_MS, MAX_JSON_DEPTH, MAX_MEMBERS, MAX_RESOURCES};

fn fault(request: &str) -> (ErrorCode, String) {
    let error = Request::parse(request.as_bytes()).unwrap_err();
    (error.code(), error.path())
}

#[test]
fn the_first_special_byte_is_found_wherever_it_stands() {
    for special_byte in [b'"', b'\\', 0, 0x1f, b'\n'] {
        for length in 0..40_usize {
            for at in 0..length {
                let mut bytes = vec![b'x'; length];
                bytes[at] = special_byte;
                assert_eq!(special(&bytes), Some(at));
                bytes.extend_from_slice(b"\"\\");
                assert_eq!(special(&bytes), Some(at));
            }
            let plain: Vec<u8> = (0..length)
                .map(|i| [0x20, 0x21, 0x23, 0x7f, 0x80, 0xff][i % 6])
                .collect();
            assert_eq!(special(&plain), None);
        }
    }
}

#[test]
fn numbers_are_json_numbers() {
    for good in ["0", "-0", "10", "1.5", "1e9", "-2.5E-3"] {
        let mut reader = Reader::new(good);
        assert!(reader.skip().and_then(|()| reader.end()).is_ok(), "{good}");
    }
    for bad in ["01", "-", "1.", ".5", "1e", "+1", "0x1", "1 2"] {
        let mut reader = Reader::new(bad);
        assert!(reader.skip().and_then(|()| reader.end()).is_err(), "{bad}");
    }
}

#[test]
fn texts_are_json_texts() {
    let mut reader = Reader::new(r#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00z""#);
    assert_eq!(reader.text().unwrap(), "a\"\\/\u{8}\u{c}\n\r\té😀z");
    for bad in [
        r#""\x""#,
        r#""\u12""#,
        r#""\ud800""#,
        r#""\ud800\u0041""#,
        "\"\n\"",
        "\"a",
    ] {
        assert!(Reader::new(bad).text().is_err(), "{bad}");
    }
}

#[test]
fn a_fault_names_its_member() {
    use ErrorCode::{BadJson, BadRequest, LimitExceeded};
    let cases = [
        (r#"{"now":1}"#, BadRequest, ""),
        (r#"{"resources":["a"]}"#, BadRequest, "/now"),
        (r#"{"resources":["a"],"tree":"a","now":1}"#, BadRequest, ""),
        (r#"{"resources":[],"now":1}"#, BadRequest, "/resources"),
        (
            r#"{"resources":["a",5],"now":1}"#,
            BadRequest,
            "/resources/1",
        ),
        (r#"{"resources":["a"],"now":1.5}"#, BadRequest, "/now"),
        (r#"{"resources":["a"],"now":"1"}"#, BadRequest, "/now"),
        (
            r#"{"resources":["a"],"now":1,"policySet":""}"#,
            BadRequest,
            "/policySet",
        ),
        (
            r#"{"resources":["a"],"now":1,"environment":{"a/b":"x"}}"#,
            BadRequest,
            "/environment/a~1b",
        ),
        (
            r#"{"resources":["a"],"now":1,"environment":{"k":["x",null]}}"#,
            BadRequest,
            "/environment/k/1",
        ),
        (
            r#"{"resources":["a"],"now":1,"subject":{"session":{"AuthLevel":2}}}"#,
            BadRequest,
            "/subject/session/AuthLevel",
        ),
        (
            r#"{"resources":["a"],"now":1,"externals":{"x":{}}}"#,
            BadRequest,
            "/externals/x",
        ),
        (
            r#"{"resources":["a"],"now":1,"externals":{"x":{"error":"e","ttl":-1}}}"#,
            BadRequest,
            "/externals/x/ttl",
        ),
        (
            r#"{"resources":["a"],"now":1,"externals":{"x":{"error":"e","ttl":"1"}}}"#,
            BadRequest,
            "/externals/x/ttl",
        ),
        (r#"{"resources":["a"],"now":1,"x":1}"#, BadRequest, "/x"),
        (r#"{"resources":["a"],"now":1"#, BadJson, ""),
        (r#"{"resources":["a"],"now":1} x"#, BadJson, ""),
        ("[]", BadRequest, ""),
    ];
    for (request, code, path) in cases {
        assert_eq!(fault(request), (code, path.to_owned()), "{request}");
    }
    let deep = format!(
        r#"{{"resources":["a"],"now":1,"subject":{{"claims":{{"c":{}1{}}}}}}}"#,
        "[".repeat(100),
        "]".repeat(100)
    );
    assert_eq!(fault(&deep).0, LimitExceeded);
}

#[test]
fn bounds_hold_at_the_bound_and_fail_past_it() {
    let resources = |count: usize| {
        format!(
            r#"{{"resources":[{}],"now":1}}"#,
            vec!["\"a\""; count].join(",")
        )
    };
    assert!(Request::parse(resources(MAX_RESOURCES).as_bytes()).is_ok());
    assert_eq!(
        fault(&resources(MAX_RESOURCES + 1)),
        (ErrorCode::LimitExceeded, "/resources".to_owned())
    );
    let members = |count: usize| {
        let members: Vec<String> = (0..count).map(|n| format!(r#""k{n}":[]"#)).collect();
        let members = members.join(",");
        format!(r#"{{"resources":["a"],"now":1,"environment":{{{members},"k0":[]}}}}"#)
    };
    assert!(Request::parse(members(MAX_MEMBERS).as_bytes()).is_ok());
    assert_eq!(
        fault(&members(MAX_MEMBERS + 1)),
        (ErrorCode::LimitExceeded, "/environment".to_owned())
    );
    let at = |now: i64| format!(r#"{{"resources":["a"],"now":{now}}}"#);
    for (now, fits) in [(MAX_INSTANT_MS, true), (MAX_INSTANT_MS + 1, false)] {
        assert_eq!(Request::parse(at(now).as_bytes()).is_ok(), fits);
        assert_eq!(Request::parse(at(-now).as_bytes()).is_ok(), fits);
    }
    assert_eq!(
        fault(&at(MAX_INSTANT_MS + 1)),
        (ErrorCode::LimitExceeded, "/now".to_owned())
    );
    // The request, the subject, the claims and the claim are levels too.
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"resources":["a"],"now":1,"subject":{{"claims":{{"c":{open}{close}}}}}}}"#)
    };
    assert!(Request::parse(nested(MAX_JSON_DEPTH - 3).as_bytes()).is_ok());
    assert_eq!(
        fault(&nested(MAX_JSON_DEPTH - 2)).0,
        ErrorCode::LimitExceeded
    );
}

#[test]
fn of_a_member_given_twice_the_last_counts() {
    let text = r#"{"resources":["a"],"now":1,"environment":{"k":["1"],"k":["2","3"]}}"#;
    let request = Request::parse(text.as_bytes()).unwrap();
    assert_eq!(request.environment("k").unwrap(), ["2", "3"]);
    let text = r#"{"resources":["a"],"now":1,"subject":{"claims":[{"a":"1"},{"b":"2"}],"claims":[{"c":"3"}]}}"#;
    let request = Request::parse(text.as_bytes()).unwrap();
    assert_eq!(request.subject.tokens.len(), 1);
    let text = r#"{"resources":["a"],"now":1,"externals":{"y":{"error":"1"},"x":{"error":"2"},"y":{"error":"3"}}}"#;
    let request = Request::parse(text.as_bytes()).unwrap();
    let failed = |why: &'static str| {
        Some(External::Failed {
            error: why.into(),
            ttl: i64::MAX,
        })
    };
    assert_eq!(request.external("y").cloned(), failed("3"));
    assert_eq!(request.external("x").cloned(), failed("2"));
    assert_eq!(request.external("z"), None);
}

#[test]
fn am_bodies_are_read_in_ams_order() {
    let read = |body: &'static str| read_am(br#"{"now":1}"#, body.as_bytes(), AmCall::Evaluate);
    let path = |body| read(body).unwrap_err().path();
    assert_eq!(
        path(r#"{"resources":5,"environment":{"a":"b"},"application":5}"#),
        "/application"
    );
    assert_eq!(
        path(r#"{"resources":5,"environment":{"a":"b"}}"#),
        "/environment/a"
    );
    assert_eq!(path(r#"{"resources":5}"#), "/resources");
    for nothing in [
        "",
        "[]",
        "null",
        "7",
        "{}",
        r#"{"resources":null}"#,
        r#"{"resources":[ ]}"#,
    ] {
        let error = read(nothing).unwrap_err();
        assert_eq!(
            (error.message(), error.path().as_str()),
            ("Invalid value resources", "/resources"),
            "{nothing}"
        );
    }
    let request = read(r#"{"resources":["a"],"anything":{},"subject":{"claims":{}}}"#).unwrap();
    assert_eq!(request.target, Target::Resources(vec!["a".into()]));
    assert_eq!(read("{").unwrap_err().code(), ErrorCode::BadJson);
}
