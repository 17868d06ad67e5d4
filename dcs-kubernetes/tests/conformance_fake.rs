//! The conformance suite on the fake API server, in both modes and in virtual
//! time: the same cases as on the real one.

mod support;

mod endpoints {
    use crate::support::fake::FakeServer;
    use crate::support::server::Mode;

    dcs_conformance::conformance_tests!(FakeServer::new(Mode::Endpoints));
}

mod configmaps {
    use crate::support::fake::FakeServer;
    use crate::support::server::Mode;

    dcs_conformance::conformance_tests!(FakeServer::new(Mode::ConfigMaps));
}
