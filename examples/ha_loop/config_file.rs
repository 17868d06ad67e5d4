//! `--config`: Patroni's file, the environment over it, and the flags over both.

use std::time::Duration;

use clap::ArgMatches;
use clap::parser::ValueSource;
use dcs_core::Config;
use dcs_core::election::{BesidePatroni, LeaseTiming, TimingError};
use dcs_kubernetes::{Labels, Mode, Namespace, PatroniFile};

use crate::args::{Args, Backend, Refused};

/// What Patroni takes where nobody says otherwise: ttl, `loop_wait`, `retry_timeout`.
const PATRONIS: [(&str, Duration); 3] = [
    ("ttl", Duration::from_secs(30)),
    ("loop_wait", Duration::from_secs(10)),
    ("retry_timeout", Duration::from_secs(10)),
];

impl Args {
    /// These flags, and the file that they name below those of them that were given.
    pub(crate) fn with_file(mut self, given: &ArgMatches) -> anyhow::Result<Self> {
        let Some(path) = &self.config else {
            return Ok(self);
        };
        let mut file = PatroniFile::read(path)?;
        for unknown in file.kubernetes.unknown() {
            tracing::warn!(
                "kubernetes.{unknown} is no setting that is known here, and is not obeyed"
            );
        }
        let is_given = |flag: &str| given.value_source(flag) == Some(ValueSource::CommandLine);
        self.take_place(&mut file, is_given)?;
        self.take_member(&mut file, is_given);
        self.take_timing(&mut file, is_given)?;
        self.file = Some(file);
        Ok(self)
    }

    fn take_place(
        &mut self,
        file: &mut PatroniFile,
        is_given: impl Fn(&str) -> bool,
    ) -> Result<(), Refused> {
        let settings = &mut file.kubernetes;
        if is_given("backend") {
            match self.backend {
                Backend::Memory => return Err(Refused::FileOnMemory),
                // It is refused in its own words.
                Backend::Lease => {}
                kind => settings.use_endpoints = Some(kind == Backend::Endpoints),
            }
        } else {
            self.backend = match settings.mode() {
                Mode::Endpoints => Backend::Endpoints,
                Mode::ConfigMap => Backend::Configmap,
            };
        }
        if !is_given("scope") {
            self.scope = file.scope.clone().ok_or(Refused::NoScope)?;
        }
        if !is_given("namespace") {
            let pods_own = || std::env::var("POD_NAMESPACE").ok()?.parse().ok();
            let named = settings.namespace.clone().or_else(pods_own);
            self.namespace = named.unwrap_or_else(|| self.namespace.clone());
        }
        if !is_given("labels") {
            self.labels = settings.labels.clone().unwrap_or_default();
        }
        // Now both say the same.
        settings.namespace = Some::<Namespace>(self.namespace.clone());
        settings.labels = Some::<Labels>(self.labels.clone());
        Ok(())
    }

    /// What the file says of one member is for several of them to leave alone.
    fn take_member(&mut self, file: &mut PatroniFile, is_given: impl Fn(&str) -> bool) {
        if is_given("members") {
            file.kubernetes.pod_ip = None;
            file.connect_address = None;
            file.api_address = None;
            return;
        }
        if !is_given("name") {
            self.name = file.name.take();
        }
        if !is_given("pod_ip") {
            self.pod_ip = file.kubernetes.pod_ip;
        }
    }

    fn take_timing(
        &mut self,
        file: &mut PatroniFile,
        is_given: impl Fn(&str) -> bool,
    ) -> Result<(), Refused> {
        let bootstrap = file.bootstrap.get_or_insert_default();
        if let Some(rejected) = bootstrap.view().rejected().into_iter().next() {
            return Err(Refused::Bootstrap(rejected));
        }
        let flags = [&mut self.ttl, &mut self.loop_wait, &mut self.retry_timeout];
        for ((setting, default), flag) in PATRONIS.into_iter().zip(flags) {
            if is_given(setting) {
                bootstrap.settings_mut().shift_remove(setting);
            } else {
                *flag = default;
            }
        }
        let ttl = bootstrap.ttl().unwrap_or(self.ttl).max(PATRONIS[0].1);
        self.max_ttl = self.max_ttl.or(Some(ttl));
        Ok(())
    }

    /// The timing that is asked for.
    pub(crate) fn timing(&self) -> Result<LeaseTiming, TimingError> {
        let mut timing = LeaseTiming::new(self.ttl, self.loop_wait, self.retry_timeout)?;
        if let Some(max_ttl) = self.max_ttl {
            timing = timing.with_max_ttl(max_ttl)?;
        }
        match self.bootstrap_dcs() {
            Some(bootstrap) => timing.with_shared_config(bootstrap),
            None => Ok(timing),
        }
    }

    /// What the config key is to say where there is none.
    pub(crate) fn seed(&self, timing: &LeaseTiming) -> Config {
        let mut seed = self.bootstrap_dcs().cloned().unwrap_or_default();
        for (setting, value) in timing.to_config().settings() {
            let settings = seed.settings_mut();
            settings.entry(setting).or_insert_with(|| value.clone());
        }
        seed
    }

    /// Whether Patroni may lead in the same scope: where its file is used.
    pub(crate) fn beside(
        &self,
        timing: &LeaseTiming,
    ) -> Result<Option<BesidePatroni>, TimingError> {
        let beside = self.file.is_some().then(BesidePatroni::new);
        let longer = |beside: BesidePatroni| {
            beside.with_retry_timeout(beside.retry_timeout().max(timing.retry_timeout()))
        };
        beside.map(longer).transpose()
    }

    fn bootstrap_dcs(&self) -> Option<&Config> {
        self.file.as_ref()?.bootstrap.as_ref()
    }
}
