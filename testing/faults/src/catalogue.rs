//! The faults, each with what is right to do about it. The numbers are stable.

/// One row of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// Its number, which never changes.
    pub row: u32,
    /// What happens.
    pub what: &'static str,
    /// What is right to do then.
    pub reaction: &'static str,
    /// Why it cannot come about, where it cannot. The row's test then shows
    /// that, and counts where it looked.
    pub never: Option<&'static str>,
}

/// The fault with this number.
#[must_use]
pub fn fault(row: u32) -> Option<&'static Fault> {
    FAULTS.iter().find(|fault| fault.row == row)
}

macro_rules! faults {
    ($($row:literal $what:literal => $reaction:literal $(never $never:literal)?)*) => {
        /// The catalogue, by number.
        pub const FAULTS: &[Fault] = &[$(Fault {
            row: $row,
            what: $what,
            reaction: $reaction,
            never: faults!(@ $($never)?),
        }),*];
    };
    (@) => { None };
    (@ $never:literal) => { Some($never) };
}

faults! {
    1 "another writer was faster: 409 Conflict" => "not committed; read and decide anew, no blind repetition"
    2 "the 409 comes from an earlier attempt of our own whose outcome was unknown" => "read back: our session and attempt stand there, so it was committed when it was sent"
    3 "another member created the object first: 409 AlreadyExists" => "a lost race; the wait starts with what stands there now"
    4 "a deletion names a version that is gone: 409" => "not committed" never "the library sends no DELETE"
    5 "the write is committed and its answer is lost" => "unknown; belief only by a read-back that is in time"
    6 "the request is lost" => "unknown, as in row 5; only a read tells them apart"
    7 "a write is committed long after its sender gave it up" => "no belief comes of it; everyone waits from the version that appeared"
    8 "an acquiring write of a candidate that is dead arrives" => "the others wait for its ttl, and then one leads"
    9 "a release arrives after the same member has acquired anew" => "it is refused by its precondition and changes nothing"
    10 "504, and the server goes on with the write" => "unknown"
    11 "the storage behind the API server times out or changes its leader: 500" => "unknown; a wait before the next attempt"
    12 "500 InternalError, from a webhook or a panic" => "unknown"
    13 "the API server restarts: connections are refused, then 403 and 500, watches end" => "retries within the budget, the watch goes on, belief ends in time"
    14 "the API server shuts down and says so: 503, or 429 with a closed connection" => "not committed; another connection, no longer a wait than the budget has"
    15 "the API server is overloaded: 429 with the marks of priority and fairness" => "not committed; as long a wait as asked for, and as the budget has"
    16 "a hostile Retry-After: huge, negative, a date, no number" => "clamped or ignored; nothing waits past the deadline"
    17 "a balancer answers 502 or 503, with HTML or an empty object" => "judged by the HTTP status: unknown"
    18 "a success whose body is cut off, empty or HTML" => "unknown; read back"
    19 "a success that left the revision in place" => "no renewal"
    20 "an answer takes longer than usual" => "belief counts from the sending, so it may be over already"
    21 "an answer comes after the deadline of belief" => "the term stays over; leading again takes a new acquiring write"
    22 "a half-open connection: silence" => "the attempt ends by its own deadline"
    23 "all pooled connections are dead" => "the next attempt has a new connection"
    24 "the body of an answer trickles" => "the deadline is for the whole attempt, not for each byte"
    25 "the leader is cut off from the store" => "it has lost before another leads; another leads after the ttl"
    26 "writes of the leader arrive, and their answers do not" => "it stops renewing when its belief is over; another leads after the ttl from the last renewal"
    27 "the watch lives and writes fail, or the other way round" => "each is judged alone; a watch never lengthens belief"
    28 "the server ends a watch, as it does every few minutes" => "the watch goes on from the last revision"
    29 "a watch ends in the middle of a line" => "the piece is dropped; nothing is lost, nothing is told twice"
    30 "the history a watch needs is gone: 410 in the stream" => "list anew, tell what changed, begin the waits anew"
    31 "the history a watch needs is gone: 410 as the status" => "list anew"
    32 "a page of a list has expired: 410" => "list from the start; never a part for the whole"
    33 "a watch without bookmarks, or with nothing else" => "both work, and the revision moves on"
    34 "the server refuses a list that streams" => "list and watch"
    35 "a revision that the answering server has not reached: 504" => "try again, else read what is sure to be current"
    36 "a cache shows versions older than what was seen" => "they are dropped by comparison"
    37 "events come twice or out of order" => "each version is told once, in order"
    38 "events stop coming, without an error" => "silence opens the watch again; one sure read before acquiring"
    39 "a read that should be current is not" => "the write decided on it is refused"
    48 "a value makes the object larger than 262,144 bytes of annotations" => "refused before it is sent, with a typed error; renewals still fit"
    49 "a request larger than the server takes: 413" => "a typed error; not committed"
    51 "rights are taken away: 403, lasting" => "a typed error that names the right; belief ends in time"
    52 "403 for seconds, while an API server starts" => "tried again within the budget"
    53 "admission refuses a write, or changes it" => "what was stored is compared with what was sent before anyone believes"
    54 "the token has expired or was replaced: 401" => "credentials are read anew and the request is sent once more"
    55 "the token file is away for a moment" => "the last token stays in use"
    66 "a future of the library is dropped at any await" => "a write counts as unknown; nothing is torn, nothing is locked"
    69 "two API servers, one of them behind" => "nothing goes back in time; the precondition decides"
    70 "the store is restored from a backup and reuses revisions" => "noticed and told; nobody acquires before it was watched for a whole wait"
    71 "a revision that is no whole number" => "a typed error; nothing is decided on it"
    72 "warnings in the headers of answers" => "never an error"
    74 "a flood of members: 10,000 with 64 KiB each" => "pages that fit, of metadata only; memory stays bounded, and the leader is shown at once"
    79 "a hundred candidates at the same expiry" => "one wins; the losers send few requests"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_grow() {
        assert!(FAULTS.windows(2).all(|pair| pair[0].row < pair[1].row));
    }

    #[test]
    fn no_text_breaks_the_table() {
        for fault in FAULTS {
            assert!(!fault.what.contains('|') && !fault.reaction.contains('|'));
            assert!(!fault.what.is_empty() && !fault.reaction.is_empty());
            let never = fault.never.unwrap_or("why");
            assert!(
                !never.is_empty() && !never.contains(['|', '`', '<']),
                "{never}"
            );
        }
    }
}
