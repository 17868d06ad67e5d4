//! The guarantees, and the table that says which cases check them.

use std::fmt::Write;

use crate::cases;

/// One thing that a backend owes its callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Guarantee {
    /// Its id, as cases name it.
    pub id: &'static str,
    /// What is guaranteed.
    pub says: &'static str,
}

/// Every guarantee.
#[must_use]
pub fn guarantees() -> &'static [Guarantee] {
    const {
        &[
            Guarantee {
                id: "G-CAS",
                says: "Of any number of writes that expect the same revision of a register at most one is committed.",
            },
            Guarantee {
                id: "G-REV",
                says: "A committed write has a revision larger than every earlier one of the same key, also after a deletion and a new creation.",
            },
            Guarantee {
                id: "G-OUT",
                says: "Committed and not committed are facts. Whatever is not certain is unknown. No write is sent twice behind the caller's back.",
            },
            Guarantee {
                id: "G-FRESH",
                says: "A read sees every write that was acknowledged to anyone before it was called.",
            },
            Guarantee {
                id: "G-WATCH",
                says: "A watch begins with a Reset, then says every version of the leader register once, in order. What it cannot vouch for it begins anew with another Reset. It may begin without the members, if it says so, and has them in a later Reset.",
            },
            Guarantee {
                id: "G-VALUE",
                says: "A value is read as it was written, and a removed one is absent.",
            },
            Guarantee {
                id: "G-KEY",
                says: "A write touches its own key only, and a scope holds its own keys only.",
            },
            Guarantee {
                id: "G-FENCE",
                says: "A touch is a write like any other, with a precondition and a new revision; it stores its token beside the values of the register and changes none of them. Later writes leave the token in place. The leader register is never touched.",
            },
        ]
    }
}

/// The table of guarantees and cases, as `docs/guarantees.md` has it.
#[must_use]
pub fn guarantee_table() -> String {
    let mut table = String::new();
    for Guarantee { id, says } in guarantees() {
        let _ = write!(
            table,
            "### {id}\n{says}\n\n| case | what it checks |\n|---|---|\n"
        );
        for case in cases().iter().filter(|case| case.guarantee == *id) {
            let _ = writeln!(table, "| `{}` | {} |", case.name, case.about);
        }
        table.push('\n');
    }
    table.truncate(table.trim_end().len());
    table.push('\n');
    table
}
