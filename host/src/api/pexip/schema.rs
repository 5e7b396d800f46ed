//! What there is and what it looks like: Pexip's command line reads this to know what it can offer.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::super::oauth::error::answer;
use super::caller::ApiUser;
use super::error::Refusal;
use super::resource::Resource;

type Answered = Result<Response<Body>, Refusal>;

/// `GET /api/admin/configuration/v1/`
pub(super) async fn configuration(_: ApiUser) -> Answered {
    Ok(resources("configuration", &[]))
}

/// `GET /api/admin/status/v1/`
pub(super) async fn status(_: ApiUser) -> Answered {
    Ok(resources("status", &["worker_vm"]))
}

fn resources(api: &str, more: &[&str]) -> Response<Body> {
    let mut all = Map::new();
    for resource in Resource::ALL
        .into_iter()
        .filter(|resource| resource.api() == api)
    {
        let list = resource.list();
        let entry = json!({"list_endpoint": list, "schema": format!("{list}schema/")});
        all.insert(resource.name().into(), entry);
    }
    for name in more {
        let list = format!("/api/admin/{api}/v1/{name}/");
        all.insert((*name).into(), json!({"list_endpoint": list}));
    }
    answer(StatusCode::OK, &Value::Object(all))
}

/// A field: its name, type, whether clients may write it, and what it is.
type Field = (&'static str, &'static str, Access, &'static str);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

/// `GET …/{resource}/schema/`
pub(super) async fn of(resource: Resource, _: ApiUser) -> Answered {
    use Access::{Read, Write};
    let (fields, list, detail): (&[Field], &[&str], &[&str]) = match resource {
        Resource::Client => (
            &[
                (
                    "client_id",
                    "string",
                    Read,
                    "The id of the client, made by the server.",
                ),
                (
                    "client_name",
                    "string",
                    Write,
                    "A name for people, at most 100 characters.",
                ),
                (
                    "role",
                    "related",
                    Write,
                    "The role that bounds what the client may do.",
                ),
                (
                    "private_key_jwt",
                    "string",
                    Read,
                    "The private key, in the answer that makes the client only.",
                ),
            ],
            &["get", "post"],
            &["get", "put", "patch", "delete"],
        ),
        Resource::Role => (
            &[
                ("id", "integer", Read, "The number of the role."),
                (
                    "name",
                    "string",
                    Write,
                    "The unique name of the role, at most 100 characters.",
                ),
                ("permissions", "related", Write, "What the role permits."),
            ],
            &["get", "post"],
            &["get", "put", "patch", "delete"],
        ),
        Resource::Permission => (
            &[
                ("id", "integer", Read, "The number of the permission."),
                ("name", "string", Read, "What it permits."),
                ("codename", "string", Read, "The name that scopes use."),
            ],
            &["get"],
            &["get"],
        ),
        Resource::RoleMapping => (
            &[
                ("id", "integer", Read, "The number of the mapping."),
                (
                    "name",
                    "string",
                    Write,
                    "The unique name of the mapping, at most 100 characters.",
                ),
                (
                    "source",
                    "string",
                    Write,
                    "Where the value is found: LDAP (groups), OIDC (roles of a token) or SUB (its subject).",
                ),
                ("value", "string", Write, "The group, role or subject."),
                ("roles", "related", Write, "The roles of who has it."),
            ],
            &["get", "post"],
            &["get", "put", "patch", "delete"],
        ),
        Resource::Authentication => (
            &[
                ("id", "integer", Read, "Always 1."),
                (
                    "source",
                    "string",
                    Read,
                    "Where administrators are kept: LOCAL.",
                ),
                (
                    "api_oauth2_expiration",
                    "integer",
                    Write,
                    "Seconds after which a client needs a new token.",
                ),
                (
                    "api_oauth2_disable_basic",
                    "boolean",
                    Write,
                    "Take no passwords on the management API.",
                ),
                (
                    "api_oauth2_allow_all_perms",
                    "boolean",
                    Write,
                    "Let clients modify the authentication configuration where their role permits it.",
                ),
            ],
            &["get"],
            &["get", "patch"],
        ),
        Resource::Token => (
            &[
                ("id", "string", Read, "The token's jti."),
                (
                    "client_id",
                    "string",
                    Read,
                    "The client that it was issued to.",
                ),
                ("client_name", "string", Read, "That client's name."),
                (
                    "user",
                    "string",
                    Read,
                    "The user that it stands for, where it stands for one.",
                ),
                ("role", "related", Read, "The client's role."),
                (
                    "permissions",
                    "related",
                    Read,
                    "What the token permits now.",
                ),
                ("scope", "string", Read, "Its scopes."),
                ("audiences", "list", Read, "Whom it is for."),
                ("issued", "datetime", Read, "When it was issued."),
                ("expires", "datetime", Read, "When it ends."),
            ],
            &["get"],
            &["get", "delete"],
        ),
    };
    let mut described = Map::new();
    let uri: Field = ("resource_uri", "string", Read, "Where the object is.");
    for (name, r#type, access, help) in fields.iter().chain([&uri]) {
        let readonly = *access == Read;
        let field = json!({"type": r#type, "readonly": readonly, "help_text": help, "nullable": false, "blank": false, "unique": *name == "name"});
        described.insert((*name).into(), field);
    }
    let body = json!({
        "allowed_list_http_methods": list,
        "allowed_detail_http_methods": detail,
        "default_format": "application/json",
        "default_limit": 20,
        "fields": described,
    });
    Ok(answer(StatusCode::OK, &body))
}
