use super::truth::NEVER;
use super::{Evaluation, Truth};
use crate::bundle::layout::Payload;
use crate::explain::Code;
use crate::lang::window::Window;
use crate::lang::zone::{Zone, ZoneName, ZoneRef};
use crate::limits::is_instant;
use crate::zones;

/// What opening a zone and placing an instant in a window costs, in comparisons of short texts.
const WINDOW_COMPARISONS: usize = 256;

impl<'x> Evaluation<'x> {
    /// SimpleTime (§2.8): the instant is the request's `now` or what `requestTime` says, the zone
    /// the condition's, else what `requestTimeZone` says (a name that is none is GMT, as AM has
    /// it), else the server's. A zone that the bundle does not know makes it undetermined, as does
    /// an instant that is no number.
    pub(super) fn simple_time(&mut self, payload: &mut Payload<'x>) -> (Truth, i64) {
        let window = Window::from_words(std::array::from_fn(|_| payload.signed()));
        let Some(window) = window else {
            return (Truth::Undetermined, NEVER);
        };
        let request = self.request;
        let sent_zones = request.environment("requestTimeZone");
        let sent = request.environment("requestTime");
        let pairs = |sent: Option<&[_]>| sent.map_or(1, <[_]>::len);
        if !self.afford(WINDOW_COMPARISONS * pairs(sent_zones), pairs(sent).max(1)) {
            return (Truth::Undetermined, NEVER);
        }
        let mut zones: Vec<Option<ZoneRef<'x>>> = Vec::with_capacity(1);
        match payload.word() {
            1 => zones.push(Some(ZoneRef::Fixed(payload.signed()))),
            2 => zones.push(self.zone(payload.text())),
            _ => match sent_zones {
                None => zones.push(self.zone(&request.time_zone)),
                Some(sent) => zones.extend(
                    sent.iter()
                        .map(|name| self.zone(name).or(Some(ZoneRef::Fixed(0)))),
                ),
            },
        }
        let now = [Some(request.now)];
        let instants: Vec<Option<i64>>;
        let instants: &[Option<i64>] = match sent {
            None => &now,
            Some(times) => {
                let instant = |text: &str| text.parse().ok().filter(|at| is_instant(*at));
                instants = times.iter().map(|text| instant(text)).collect();
                &instants
            }
        };
        let mut ttl = NEVER;
        let truths = zones
            .iter()
            .flat_map(|zone| instants.iter().map(move |at| (zone, at)));
        let truth = Truth::agreed(truths.map(|pair| match pair {
            (Some(zone), Some(at)) => {
                let (holds, until) = window.evaluate(*at, zone);
                ttl = ttl.min(until);
                Truth::of(holds)
            }
            _ => Truth::Undetermined,
        }))
        .unwrap_or(Truth::Undetermined);
        let code = if zones.iter().any(Option::is_none) {
            Code::UnknownZone
        } else if truth == Truth::Undetermined {
            Code::Malformed
        } else {
            Code::OutsideWindow
        };
        let now = request.now.to_string();
        let sent = sent.unwrap_or_default().iter().map(|text| &**text);
        let own = sent.len() == 0;
        let seen = sent.chain(own.then_some(now.as_str()));
        (self.note(truth, code, || window.to_string(), seen), ttl)
    }

    fn zone(&self, name: &str) -> Option<ZoneRef<'x>> {
        match ZoneName::parse(name) {
            ZoneName::Fixed(offset) => Some(ZoneRef::Fixed(offset)),
            ZoneName::Named(name) => {
                let data = zones::find(&self.bundle.zones, name)?;
                Zone::parse(data).map(ZoneRef::Rules)
            }
        }
    }
}
