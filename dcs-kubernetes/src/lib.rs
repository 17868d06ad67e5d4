//! A distributed configuration store in Kubernetes Endpoints or ConfigMaps, in Patroni's wire format
