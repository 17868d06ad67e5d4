//! The bugs that can be planted, in a build that has them.

#[cfg(dcs_seeded_bugs)]
pub(crate) use planted::{Bug, all, list, plant};
#[cfg(not(dcs_seeded_bugs))]
pub(crate) use without::{Bug, all, list, plant};

#[cfg(dcs_seeded_bugs)]
mod planted {
    use std::io::{Write as _, stdout};

    use anyhow::Context as _;
    use dcs_core::election::seeded;
    use dcs_memory::sim::Swarm;

    /// A seeded bug.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Bug(seeded::Bug);

    impl Bug {
        pub(crate) fn named(name: &str) -> Option<Self> {
            name.parse().ok().map(Self)
        }

        pub(crate) const fn name(self) -> &'static str {
            self.0.name()
        }

        pub(crate) const fn rule(self) -> &'static str {
            self.0.rule()
        }

        pub(crate) const fn what(self) -> &'static str {
            self.0.what()
        }

        pub(crate) const fn is_in_the_proof_alone(self) -> bool {
            self.0.is_in_the_proof_alone()
        }

        pub(crate) const fn is_of_kubernetes(self) -> bool {
            self.0.is_of_kubernetes()
        }

        pub(crate) fn is_of_memory(self) -> bool {
            self.0.is_of_memory()
        }

        pub(crate) fn swarm(self) -> Swarm {
            let wanted = self.0.profile();
            let swarm = Swarm::ALL.into_iter().find(|swarm| swarm.name() == wanted);
            swarm.unwrap_or_default()
        }
    }

    /// Plants a bug, or none, in every election of this process.
    pub(crate) fn plant(bug: Option<Bug>) {
        seeded::plant(bug.map(|bug| bug.0));
    }

    /// Every bug, in the order of their table.
    pub(crate) fn all() -> impl Iterator<Item = Bug> {
        seeded::Bug::ALL.iter().copied().map(Bug)
    }

    /// A name a line.
    pub(crate) fn list() -> anyhow::Result<bool> {
        let mut out = stdout().lock();
        for bug in seeded::Bug::ALL {
            writeln!(out, "{}", bug.name()).context("writing the list")?;
        }
        Ok(true)
    }
}

#[cfg(not(dcs_seeded_bugs))]
mod without {
    use dcs_memory::sim::Swarm;

    /// There is none in this build: a program that others use has no way to
    /// switch a rule off.
    #[derive(Clone, Copy, Debug)]
    pub(crate) enum Bug {}

    impl Bug {
        pub(crate) const fn named(_: &str) -> Option<Self> {
            None
        }

        pub(crate) const fn name(self) -> &'static str {
            match self {}
        }

        pub(crate) const fn rule(self) -> &'static str {
            match self {}
        }

        pub(crate) const fn what(self) -> &'static str {
            match self {}
        }

        pub(crate) const fn is_in_the_proof_alone(self) -> bool {
            match self {}
        }

        pub(crate) const fn is_of_kubernetes(self) -> bool {
            match self {}
        }

        pub(crate) const fn is_of_memory(self) -> bool {
            match self {}
        }

        pub(crate) const fn swarm(self) -> Swarm {
            match self {}
        }
    }

    pub(crate) const fn plant(_: Option<Bug>) {}

    pub(crate) const fn all() -> std::iter::Empty<Bug> {
        std::iter::empty()
    }

    pub(crate) fn list() -> anyhow::Result<bool> {
        anyhow::bail!("this build has no seeded bugs: run it by `cargo xtask sim --bug list`")
    }
}
