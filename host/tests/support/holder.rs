//! A holder of bundles, as an enforcement point is one: fetches, verifies, decides.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::StatusCode;
use reqwest::header::{ETAG, HeaderMap, IF_NONE_MATCH};
use serde_json::{Value, json};

/// Somebody with a session, who asks one server.
pub(crate) struct Holder {
    http: reqwest::Client,
    base: String,
    token: String,
}

/// A bundle whose seal was verified.
#[derive(Debug, Clone)]
pub(crate) struct Sealed {
    pub(crate) tag: String,
    pub(crate) header: Value,
    pub(crate) seal: Value,
    pub(crate) bytes: Vec<u8>,
}

impl Sealed {
    pub(crate) fn revision(&self) -> u64 {
        self.seal["revision"].as_u64().unwrap()
    }

    /// What it decides about a GET by anybody who is authenticated.
    pub(crate) fn decide(&self, set: &str, resource: &str) -> Value {
        let bundle = assize_engine::Bundle::load(self.bytes.clone()).unwrap();
        let request = json!({
            "policySet": set, "resources": [resource], "subject": {"principals": ["id=x"], "session": {}}, "now": 0,
        });
        let answer = assize_engine::answer(&bundle, request.to_string().as_bytes());
        serde_json::from_slice(&answer).unwrap()
    }
}

impl Holder {
    pub(crate) fn new(address: std::net::SocketAddr, token: &str) -> Self {
        Holder {
            http: reqwest::Client::new(),
            base: format!("http://{address}"),
            token: token.to_owned(),
        }
    }

    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
        let mut request = self.http.get(format!("{}{path}", self.base));
        if !self.token.is_empty() {
            request = request.header("iPlanetDirectoryPro", &self.token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    /// The public keys that bundles are signed with.
    pub(crate) async fn keys(&self) -> Value {
        let response = self.get("/.well-known/assize-bundle-keys", &[]).await;
        assert_eq!(response.status(), StatusCode::OK);
        response.json().await.unwrap()
    }

    pub(crate) async fn status(&self, path: &str) -> u16 {
        self.get(path, &[]).await.status().as_u16()
    }

    /// Fetches a bundle and verifies it under the server's keys of now.
    pub(crate) async fn fetch(&self, path: &str) -> Sealed {
        let response = self.get(path, &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let headers = response.headers().clone();
        let body = response.bytes().await.unwrap().to_vec();
        assert_eq!(
            text(&headers, "content-type"),
            "application/vnd.assize.bundle"
        );
        assert_eq!(text(&headers, "cache-control"), "private, no-cache");
        assert_eq!(text(&headers, "content-length"), body.len().to_string());
        let end = body.iter().position(|byte| *byte == b'\n').unwrap();
        let jws = std::str::from_utf8(&body[..end]).unwrap();
        let (header, seal) = verified(&self.keys().await, jws).unwrap();
        let bytes = body[end + 1..].to_vec();
        let sha256 = hex::encode(digest(&SHA256, &bytes));
        assert_eq!(seal["bytes_sha256"], sha256.as_str());
        let bundle = assize_engine::Bundle::load(bytes.clone()).unwrap();
        assert_eq!(seal["digest"], bundle.digest());
        assert_eq!(
            seal["digest"],
            assize_engine::digest_of(&bytes).unwrap().as_str()
        );
        let tag = text(&headers, ETAG.as_str());
        let digits = &bundle.digest()[..16];
        assert_eq!(tag, format!("\"{}-{digits}\"", seal["revision"]));
        Sealed {
            tag,
            header,
            seal,
            bytes,
        }
    }

    /// Whether the server has nothing newer.
    pub(crate) async fn is_current(&self, path: &str, held: &Sealed) -> bool {
        let name = IF_NONE_MATCH.as_str();
        let response = self.get(path, &[(name, &held.tag)]).await;
        assert!(matches!(response.status().as_u16(), 200 | 304));
        response.status() == StatusCode::NOT_MODIFIED
    }

    /// A notice, verified; `path` with the parameters of a long poll.
    pub(crate) async fn notice(&self, path: &str) -> Value {
        let response = self.get(path, &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(text(response.headers(), "content-type"), "application/jose");
        let jws = response.text().await.unwrap();
        self.read_notice(&jws).await
    }

    pub(crate) async fn read_notice(&self, jws: &str) -> Value {
        let (header, notice) = verified(&self.keys().await, jws).unwrap();
        assert_eq!(header["typ"], "assize-notice+jwt");
        notice
    }
}

pub(crate) fn text(headers: &HeaderMap, name: &str) -> String {
    let value = headers
        .get(name)
        .unwrap_or_else(|| panic!("no {name} in {headers:?}"));
    value.to_str().unwrap().to_owned()
}

/// Header and payload of a JWS, where one of the keys verifies it.
pub(crate) fn verified(jwks: &Value, jws: &str) -> Option<(Value, Value)> {
    let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let (message, signature) = jws.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    let header: Value = serde_json::from_slice(&decoded(header)).unwrap();
    assert_eq!(header["alg"], "EdDSA");
    let keys = jwks["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["kid"] == header["kid"])?;
    let members = ["kty", "crv", "use", "alg"].map(|name| key[name].as_str().unwrap());
    assert_eq!(members, ["OKP", "Ed25519", "sig", "EdDSA"]);
    let x = decoded(key["x"].as_str().unwrap());
    let verified =
        UnparsedPublicKey::new(&ED25519, x).verify(message.as_bytes(), &decoded(signature));
    verified.ok()?;
    Some((header, serde_json::from_slice(&decoded(payload)).unwrap()))
}

/// A stream of server-sent events.
pub(crate) struct Events {
    response: reqwest::Response,
    text: String,
}

impl Events {
    pub(crate) async fn open(holder: &Holder, path: &str) -> Self {
        let response = holder.get(path, &[]).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(
            text(response.headers(), "content-type"),
            "text/event-stream"
        );
        Events {
            response,
            text: String::new(),
        }
    }

    /// The data of the next event, which is a notice; `None` where the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let data = event
                    .strip_prefix("event: notice\ndata: ")
                    .unwrap()
                    .to_owned();
                self.text = rest.to_owned();
                return Some(data);
            }
            let chunk = self.response.chunk().await.ok().flatten()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}
