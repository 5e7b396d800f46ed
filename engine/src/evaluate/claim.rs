use super::{Evaluation, Truth};
use crate::bundle::layout::Payload;
use crate::explain::Code;
use crate::request::{Claim, lookup};

impl<'x> Evaluation<'x> {
    /// JwtClaim: a claim of any token that speaks for the subject (ruling B27) equals the value,
    /// or is an array of texts that holds it. A claim of another type is not matched (ruling C14).
    pub(super) fn jwt_claim(&mut self, payload: &mut Payload<'x>) -> Truth {
        let (name, value) = (payload.text(), payload.text());
        let request = self.request;
        let tokens = &request.subject.tokens;
        let members: usize = tokens.iter().map(Vec::len).sum();
        if !self.afford(1, members + request.longest_list()) {
            return Truth::Undetermined;
        }
        let claims = || tokens.iter().filter_map(|claims| lookup(claims, name));
        let matched = claims().any(|claim| match claim {
            Claim::Text(text) => text == value,
            Claim::Texts(list) => request.list(*list).iter().any(|text| text == value),
            Claim::Other => false,
        });
        let seen = claims().flat_map(|claim| match claim {
            Claim::Text(text) => std::slice::from_ref(text),
            Claim::Texts(list) => request.list(*list),
            Claim::Other => &[],
        });
        let code = if tokens.is_empty() {
            Code::NoToken
        } else {
            Code::ClaimDiffers
        };
        let wanted = || [name, value].join("=");
        self.note(Truth::of(matched), code, wanted, seen.map(|text| &**text))
    }
}
