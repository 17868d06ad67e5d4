//! The conformance suite on a real API server, in both modes.

mod support;

mod endpoints {
    use crate::support::server::{Mode, RealServer};

    dcs_conformance::conformance_tests!(
        RealServer(Mode::Endpoints),
        ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"
    );
}

mod configmaps {
    use crate::support::server::{Mode, RealServer};

    dcs_conformance::conformance_tests!(
        RealServer(Mode::ConfigMaps),
        ignore = "needs an API server: KUBECONFIG is set by cargo xtask test"
    );
}
