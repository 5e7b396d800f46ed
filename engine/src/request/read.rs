//! Reading contract §3 requests.

use std::borrow::Cow;

use super::json::{Kind, Reader, wrong_type};
use super::{Claim, External, List, Request, Subject, Target, Text};
use crate::error::{Error, ErrorCode};
use crate::limits::{MAX_INSTANT_MS, MAX_MEMBERS, MAX_REQUEST_BYTES, MAX_RESOURCES, is_instant};

/// The policy set that is meant where none is named (seed 001).
pub(super) const DEFAULT_POLICY_SET: &str = "iPlanetAMWebAgentService";

impl<'a> Request<'a> {
    /// Reads a request (contract §3).
    ///
    /// # Errors
    /// `badJson`, `badRequest` and `limitExceeded`, each with the path of the member at fault.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(checked_text(bytes)?);
        let mut request = Self::empty();
        let mut seen = Seen::default();
        reader.object(|reader, name| {
            match &*name {
                "policySet" => request.read_policy_set(reader),
                "resources" => request
                    .read_resources(reader)
                    .map(|()| seen.resources = true),
                "tree" => request.read_root(reader).map(|()| seen.tree = true),
                "environment" => request.read_environment(reader),
                _ => request.read_context(reader, &name, &mut seen),
            }
            .map_err(|error| error.at(&name))
        })?;
        reader.end()?;
        if seen.resources == seen.tree {
            let what = if seen.tree {
                "`resources` and `tree` exclude each other"
            } else {
                "one of `resources` and `tree` is required"
            };
            return Err(Error::new(ErrorCode::BadRequest, what));
        }
        seen.check_now()?;
        Ok(request)
    }

    pub(super) fn empty() -> Self {
        Self {
            policy_set: Cow::Borrowed(DEFAULT_POLICY_SET),
            time_zone: Cow::Borrowed("UTC"),
            with_ttl: true,
            // Room for what an ordinary request holds, so that reading it allocates once.
            values: Vec::with_capacity(16),
            ..Self::default()
        }
    }

    /// The members that a host gives whatever form the question has.
    pub(super) fn read_context(
        &mut self,
        reader: &mut Reader<'a>,
        name: &str,
        seen: &mut Seen,
    ) -> Result<(), Error> {
        match name {
            "subject" => {
                if !reader.null()? {
                    self.subject = self.read_subject(reader)?;
                }
                Ok(())
            }
            "now" => {
                self.now = reader.integer()?;
                seen.now = true;
                if is_instant(self.now) {
                    return Ok(());
                }
                let what = format!("an instant further than {MAX_INSTANT_MS} ms from 1970");
                Err(Error::new(ErrorCode::LimitExceeded, what))
            }
            "timeZone" => reader.text().map(|zone| self.time_zone = zone),
            "externals" => {
                let mut externals = Vec::new();
                reader.object(|reader, id| {
                    let external = self.read_external(reader).map_err(|e| e.at(&id))?;
                    externals.push((id, external));
                    Ok(())
                })?;
                // Of an id given twice the last counts.
                externals.reverse();
                externals.sort_by(|a, b| a.0.cmp(&b.0));
                externals.dedup_by(|later, first| later.0 == first.0);
                self.externals = externals;
                Ok(())
            }
            "explain" => reader.boolean().map(|explain| self.explain = explain),
            _ => Err(Error::new(ErrorCode::BadRequest, "unknown member")),
        }
    }

    fn read_policy_set(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        if reader.null()? {
            return Ok(());
        }
        self.policy_set = non_empty(reader.text()?)?;
        Ok(())
    }

    pub(super) fn read_resources(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        let mut resources: Vec<Text<'a>> = Vec::with_capacity(1);
        reader.array(|reader, index| {
            let resource = reader.text().map_err(|e| e.at(index))?;
            if index >= MAX_RESOURCES {
                let what = format!("more than {MAX_RESOURCES} resources");
                return Err(Error::new(ErrorCode::LimitExceeded, what));
            }
            resources.push(resource);
            Ok(())
        })?;
        if resources.is_empty() {
            return Err(Error::new(ErrorCode::BadRequest, "must not be empty"));
        }
        self.target = Target::Resources(resources);
        Ok(())
    }

    fn read_root(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        let root = reader.text()?;
        if root.is_empty() {
            return Err(Error::new(ErrorCode::BadRequest, "must not be empty"));
        }
        self.target = Target::Tree(root);
        Ok(())
    }

    /// Reads an array of texts into the store of values.
    pub(super) fn read_list(&mut self, reader: &mut Reader<'a>) -> Result<List, Error> {
        let start = self.values.len() as u32;
        reader.array(|reader, index| {
            let value = reader.text().map_err(|e| e.at(index))?;
            self.values.push(value);
            Ok(())
        })?;
        Ok(List {
            start,
            count: self.values.len() as u32 - start,
        })
    }

    /// Reads an object whose members are arrays of texts. Of a member given twice the last counts.
    pub(super) fn read_lists(
        &mut self,
        reader: &mut Reader<'a>,
    ) -> Result<Vec<(Text<'a>, List)>, Error> {
        let mut members = Vec::with_capacity(4);
        reader.object(|reader, name| {
            let list = self.read_list(reader).map_err(|e| e.at(&name))?;
            set(&mut members, name, list)
        })?;
        Ok(members)
    }

    pub(super) fn read_environment(&mut self, reader: &mut Reader<'a>) -> Result<(), Error> {
        if !reader.null()? {
            self.environment = self.read_lists(reader)?;
        }
        Ok(())
    }

    fn read_subject(&mut self, reader: &mut Reader<'a>) -> Result<Subject<'a>, Error> {
        let mut subject = Subject::default();
        reader.object(|reader, name| {
            self.read_subject_member(reader, &name, &mut subject)
                .map_err(|error| error.at(&name))
        })?;
        Ok(subject)
    }

    fn read_subject_member(
        &mut self,
        reader: &mut Reader<'a>,
        name: &str,
        subject: &mut Subject<'a>,
    ) -> Result<(), Error> {
        match name {
            "principals" => subject.principals = self.read_list(reader)?,
            "groups" => subject.groups = Some(self.read_list(reader)?),
            "session" => {
                let mut session = Vec::with_capacity(8);
                reader.object(|reader, property| {
                    let value = reader.text().map_err(|e| e.at(&property))?;
                    set(&mut session, property, value)
                })?;
                subject.session = Some(session);
            }
            "clientIp" => subject.client_ip = Some(reader.text()?),
            "profile" => subject.profile = Some(self.read_lists(reader)?),
            "memberships" => subject.memberships = self.read_lists(reader)?,
            "claims" => match reader.kind()? {
                Kind::Array => {
                    let mut tokens = Vec::with_capacity(1);
                    reader.array(|reader, index| {
                        tokens.push(self.read_claims(reader).map_err(|e| e.at(index))?);
                        Ok(())
                    })?;
                    subject.tokens = tokens;
                }
                _ => subject.tokens = vec![self.read_claims(reader)?],
            },
            _ => return Err(Error::new(ErrorCode::BadRequest, "unknown member")),
        }
        Ok(())
    }

    fn read_claims(
        &mut self,
        reader: &mut Reader<'a>,
    ) -> Result<Vec<(Text<'a>, Claim<'a>)>, Error> {
        let mut claims = Vec::with_capacity(4);
        reader.object(|reader, name| {
            let claim = match reader.kind()? {
                Kind::Text => Claim::Text(reader.text()?),
                Kind::Array => self.read_claim_array(reader)?,
                _ => reader.skip().map(|()| Claim::Other)?,
            };
            set(&mut claims, name, claim)
        })?;
        Ok(claims)
    }

    /// An array counts only where it is made of texts alone (ruling C14).
    fn read_claim_array(&mut self, reader: &mut Reader<'a>) -> Result<Claim<'a>, Error> {
        let start = self.values.len();
        let mut texts_only = true;
        reader.array(|reader, _| {
            if reader.kind()? == Kind::Text {
                let text = reader.text()?;
                self.values.push(text);
                Ok(())
            } else {
                texts_only = false;
                reader.skip()
            }
        })?;
        if !texts_only {
            self.values.truncate(start);
            return Ok(Claim::Other);
        }
        Ok(Claim::Texts(List {
            start: start as u32,
            count: (self.values.len() - start) as u32,
        }))
    }

    fn read_external(&mut self, reader: &mut Reader<'a>) -> Result<External<'a>, Error> {
        let (mut satisfied, mut error) = (None, None);
        let (mut advices, mut attributes, mut ttl) = (Vec::new(), Vec::new(), i64::MAX);
        reader.object(|reader, name| {
            match &*name {
                "satisfied" => reader.boolean().map(|value| satisfied = Some(value)),
                "advices" => self.read_lists(reader).map(|lists| advices = lists),
                "attributes" => self.read_lists(reader).map(|lists| attributes = lists),
                "ttl" => reader.integer().map(|value| ttl = value),
                "error" => reader.text().map(|text| error = Some(text)),
                _ => Err(Error::new(ErrorCode::BadRequest, "unknown member")),
            }
            .map_err(|e| e.at(&name))
        })?;
        if ttl < 0 {
            return Err(Error::new(ErrorCode::BadRequest, "must not be negative").at("ttl"));
        }
        match (satisfied, error) {
            (_, Some(error)) => Ok(External::Failed { error, ttl }),
            (Some(satisfied), None) => Ok(External::Resolved {
                satisfied,
                advices,
                attributes,
                ttl,
            }),
            (None, None) => Err(Error::new(
                ErrorCode::BadRequest,
                "one of `satisfied` and `error` is required",
            )),
        }
    }
}

/// Which required members a request has shown.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) resources: bool,
    pub(super) tree: bool,
    pub(super) now: bool,
}

impl Seen {
    pub(super) fn check_now(&self) -> Result<(), Error> {
        if self.now {
            Ok(())
        } else {
            Err(Error::new(ErrorCode::BadRequest, "is required").at("now"))
        }
    }
}

/// The request as text, if it is one and small enough.
pub(super) fn checked_text(bytes: &[u8]) -> Result<&str, Error> {
    if bytes.len() > MAX_REQUEST_BYTES {
        return Err(Error::new(
            ErrorCode::LimitExceeded,
            format!("a request of more than {MAX_REQUEST_BYTES} bytes"),
        ));
    }
    std::str::from_utf8(bytes)
        .map_err(|_| Error::new(ErrorCode::BadJson, "not valid JSON: the text is not UTF-8"))
}

pub(super) fn non_empty(text: Text<'_>) -> Result<Text<'_>, Error> {
    if text.is_empty() {
        return Err(wrong_type("the name of a policy set"));
    }
    Ok(text)
}

/// Adds a member of an object; of one given twice the last counts.
fn set<'a, V>(members: &mut Vec<(Text<'a>, V)>, name: Text<'a>, value: V) -> Result<(), Error> {
    let full = members.len() == MAX_MEMBERS;
    match members.iter_mut().find(|(known, _)| *known == name) {
        Some((_, old)) => *old = value,
        None if full => {
            let what = format!("an object of more than {MAX_MEMBERS} members");
            return Err(Error::new(ErrorCode::LimitExceeded, what));
        }
        None => members.push((name, value)),
    }
    Ok(())
}
