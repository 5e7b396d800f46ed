//! Names of time zones, as `java.util.TimeZone` reads them: AM hands `enforcementTimeZone` and `requestTimeZone` to it.

/// What a zone's name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneName<'a> {
    /// Seconds east of UT.
    Fixed(i32),
    /// A name to be looked up, exactly as written, in the tz database. AM takes one that is not there for GMT.
    Named(&'a str),
}

/// Java's three-letter names that the tz database does not have (or has with a history that Java gives them not).
const SHORT_NAMES: [(&str, &str); 25] = [
    ("ACT", "Australia/Darwin"),
    ("AET", "Australia/Sydney"),
    ("AGT", "America/Argentina/Buenos_Aires"),
    ("ART", "Africa/Cairo"),
    ("AST", "America/Anchorage"),
    ("BET", "America/Sao_Paulo"),
    ("BST", "Asia/Dhaka"),
    ("CAT", "Africa/Harare"),
    ("CNT", "America/St_Johns"),
    ("CST", "America/Chicago"),
    ("CTT", "Asia/Shanghai"),
    ("EAT", "Africa/Addis_Ababa"),
    ("ECT", "Europe/Paris"),
    ("IET", "America/Indiana/Indianapolis"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("MIT", "Pacific/Apia"),
    ("NET", "Asia/Yerevan"),
    ("NST", "Pacific/Auckland"),
    ("PLT", "Asia/Karachi"),
    ("PNT", "America/Phoenix"),
    ("PRT", "America/Puerto_Rico"),
    ("PST", "America/Los_Angeles"),
    ("SST", "Pacific/Guadalcanal"),
    ("VST", "Asia/Ho_Chi_Minh"),
];

impl<'a> ZoneName<'a> {
    /// Reads a name; case matters, as in Java.
    ///
    /// * `GMT`, `UTC`, `UT`, `Z`: no offset;
    /// * `GMT+h`, `GMT-hh`, `GMT+h:mm`, `GMT+hmm`, `GMT+hhmm`: hours to 23, the custom identifiers of `java.util.TimeZone`;
    /// * `UTC+h`, `UT-hh:mm` and so on alike, to 18 hours, which `java.time.ZoneId` reads;
    /// * `EST`, `MST`, `HST`: their fixed offsets, and the other three-letter names of Java;
    /// * anything else: a name of the tz database.
    pub fn parse(text: &'a str) -> ZoneName<'a> {
        let offset = match text {
            "GMT" | "UTC" | "UT" | "Z" => Some(0),
            "EST" => Some(-5 * 3_600),
            "MST" => Some(-7 * 3_600),
            "HST" => Some(-10 * 3_600),
            _ => custom(text),
        };
        if let Some(offset) = offset {
            return ZoneName::Fixed(offset);
        }
        let long = SHORT_NAMES.iter().find(|(short, _)| *short == text);
        ZoneName::Named(long.map_or(text, |&(_, long)| long))
    }
}

fn custom(text: &str) -> Option<i32> {
    let (signed, most) = match text.strip_prefix("GMT") {
        Some(rest) => (rest, 24 * 3_600 - 60),
        None => (
            text.strip_prefix("UTC")
                .or_else(|| text.strip_prefix("UT"))?,
            18 * 3_600,
        ),
    };
    let (sign, clock) = match signed.strip_prefix('-') {
        Some(clock) => (-1, clock),
        None => (1, signed.strip_prefix('+')?),
    };
    let (hours, minutes) = match clock.split_once(':') {
        Some(parts) => parts,
        None if clock.len() > 2 => clock.split_at_checked(clock.len() - 2)?,
        None => (clock, "00"),
    };
    let hours = digits(hours, 1)?;
    let minutes = digits(minutes, 2)?;
    let seconds = hours * 3_600 + minutes * 60;
    (minutes < 60 && seconds <= most).then_some(sign * seconds)
}

/// A number of so many to two digits.
fn digits(text: &str, least: usize) -> Option<i32> {
    let fits = (least..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}
