//! Starting an etcd and an API server in a run folder.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitStatus;
use std::time::Duration;

use crate::binaries::Binaries;
use crate::credentials::{Credentials, PROBE, Pki};
use crate::error::{At, Error};
use crate::files::Files;
use crate::identity::Identity;
use crate::probe::{ApiProbe, etcd_is_ready};
use crate::process::{Process, Server};
use crate::real_time::poll;
use crate::record::Record;
use crate::root::remove_folder;

/// How often other ports are tried when another process takes the chosen ones.
const PORT_ATTEMPTS: usize = 5;

/// What a start needs.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) binaries: Binaries,
    pub(crate) files: Files,
    pub(crate) credentials: Credentials,
    pub(crate) owner: Option<Identity>,
    pub(crate) ready_limit: Duration,
}

/// A pair of servers that was ready once.
#[derive(Debug)]
pub(crate) struct Running {
    launch: Launch,
    pub(crate) pki: Pki,
    pub(crate) url: String,
    api_port: u16,
    etcd_port: u16,
    /// Each is there unless it was stopped.
    etcd: Option<Process>,
    api: Option<Process>,
}

impl Launch {
    /// Starts both servers and waits until the cluster is usable.
    pub(crate) fn run(self) -> Result<Running, Error> {
        let pki = Pki::generate()?;
        self.files.write_inputs(&pki, &self.credentials)?;
        let mut running = Running {
            launch: self,
            pki,
            url: String::new(),
            api_port: 0,
            etcd_port: 0,
            etcd: None,
            api: None,
        };
        let mut attempts = 1;
        while let Err(error) = running.attempt() {
            running.end_all();
            if !error.is_lost_port() || attempts == PORT_ATTEMPTS {
                return Err(error);
            }
            attempts += 1;
        }
        Ok(running)
    }

    fn is_detached(&self) -> bool {
        self.owner.is_none()
    }
}

impl Running {
    pub(crate) fn files(&self) -> &Files {
        &self.launch.files
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.launch.credentials
    }

    /// The processes, in the order of their start.
    pub(crate) fn record(&self) -> Record {
        let servers = [&self.etcd, &self.api];
        Record {
            owner: self.launch.owner.clone(),
            servers: servers
                .into_iter()
                .flatten()
                .map(|process| process.identity().clone())
                .collect(),
        }
    }

    pub(crate) fn process(&self, server: Server) -> Option<&Process> {
        match server {
            Server::Etcd => self.etcd.as_ref(),
            Server::ApiServer => self.api.as_ref(),
        }
    }

    /// Ends the API server and leaves etcd with all objects running.
    pub(crate) fn end_api(&mut self) -> Result<(), Error> {
        if let Some(api) = self.api.take() {
            api.end();
        }
        self.save_record()
    }

    /// As [`Self::end_api`], without a chance for the server to say so.
    pub(crate) fn kill_api(&mut self) -> Result<(), Error> {
        if let Some(api) = self.api.take() {
            api.kill();
        }
        self.save_record()
    }

    /// Ends both servers, the API server first.
    pub(crate) fn end_all(&mut self) {
        for process in [self.api.take(), self.etcd.take()].into_iter().flatten() {
            process.end();
        }
    }

    /// Starts the API server on its port and waits until it is ready.
    pub(crate) fn start_api(&mut self) -> Result<(), Error> {
        let files = self.files();
        let program = self.launch.binaries.kube_apiserver();
        let arguments = api_arguments(files, self.etcd_port, self.api_port);
        let log = files.log(Server::ApiServer);
        let detached = self.launch.is_detached();
        let api = Process::spawn(&program, &arguments, &log, detached)?;
        self.api = Some(api);
        self.save_record()?;

        let token = self.credentials().token_of(PROBE).unwrap_or_default();
        let probe = ApiProbe::new(&self.url, &self.pki.authority, token)?;
        self.wait(Server::ApiServer, || probe.is_ready())?;
        for process in [&mut self.etcd, &mut self.api].into_iter().flatten() {
            process.refresh();
        }
        self.save_record()
    }

    /// Lets the processes live on without this one.
    pub(crate) fn detach(mut self) {
        self.etcd = None;
        self.api = None;
    }

    fn attempt(&mut self) -> Result<(), Error> {
        let ports = free_ports::<3>().map_err(|source| Error::NoPort { source })?;
        let [etcd_port, peer_port, api_port] = ports;
        self.etcd_port = etcd_port;
        self.api_port = api_port;
        self.url = format!("https://127.0.0.1:{api_port}");
        self.start_etcd(peer_port)?;
        self.start_api()?;
        let files = &self.launch.files;
        files.write_kubeconfigs(&self.url, &self.pki, &self.launch.credentials)
    }

    fn start_etcd(&mut self, peer_port: u16) -> Result<(), Error> {
        let files = self.files();
        remove_folder(&files.etcd_data())?;
        for server in [Server::Etcd, Server::ApiServer] {
            let log = files.log(server);
            fs::write(&log, "").at("empty", &log)?;
        }
        let program = self.launch.binaries.etcd();
        let arguments = etcd_arguments(files, self.etcd_port, peer_port);
        let log = files.log(Server::Etcd);
        let detached = self.launch.is_detached();
        let etcd = Process::spawn(&program, &arguments, &log, detached)?;
        self.etcd = Some(etcd);
        self.save_record()?;

        let port = self.etcd_port;
        self.wait(Server::Etcd, || etcd_is_ready(port))
    }

    /// Waits until `is_ready` says so and both servers still run: on a port
    /// that was lost, the server of somebody else may have answered.
    fn wait(
        &mut self,
        server: Server,
        is_ready: impl Fn() -> Result<(), String>,
    ) -> Result<(), Error> {
        let limit = self.launch.ready_limit;
        let mut answer = String::new();
        let outcome = poll(limit, || {
            let asked = is_ready();
            if let Some((ended, status)) = self.ended() {
                return Some(Err(Error::Exited {
                    server: ended,
                    status: status.to_string(),
                    tail: self.files().tail(ended),
                }));
            }
            asked.map_err(|refusal| answer = refusal).ok().map(Ok)
        });
        outcome.unwrap_or_else(|| {
            Err(Error::NotReady {
                server,
                limit,
                answer,
                tail: self.launch.files.tail(server),
            })
        })
    }

    fn ended(&mut self) -> Option<(Server, ExitStatus)> {
        let etcd = self.etcd.as_mut().and_then(Process::exited);
        let api = self.api.as_mut().and_then(Process::exited);
        let etcd = etcd.map(|status| (Server::Etcd, status));
        etcd.or(api.map(|status| (Server::ApiServer, status)))
    }

    fn save_record(&self) -> Result<(), Error> {
        self.record().save(self.files().folder())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end_all();
    }
}

fn etcd_arguments(files: &Files, client_port: u16, peer_port: u16) -> Vec<String> {
    let client = format!("http://127.0.0.1:{client_port}");
    let peer = format!("http://127.0.0.1:{peer_port}");
    vec![
        format!("--data-dir={}", files.etcd_data().display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        // Nobody restarts this etcd after a power cut.
        "--unsafe-no-fsync".to_owned(),
    ]
}

fn api_arguments(files: &Files, etcd_port: u16, port: u16) -> Vec<String> {
    let file = |flag: &str, path: std::path::PathBuf| format!("--{flag}={}", path.display());
    vec![
        format!("--etcd-servers=http://127.0.0.1:{etcd_port}"),
        format!("--secure-port={port}"),
        "--bind-address=127.0.0.1".to_owned(),
        file("tls-cert-file", files.certificate()),
        file("tls-private-key-file", files.key()),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        file("service-account-key-file", files.service_account_public()),
        file(
            "service-account-signing-key-file",
            files.service_account_key(),
        ),
        "--authorization-mode=RBAC".to_owned(),
        file("token-auth-file", files.tokens()),
        "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
        // Without a controller manager no namespace gets a service account.
        "--disable-admission-plugins=ServiceAccount".to_owned(),
        file("audit-policy-file", files.audit_policy()),
        file("audit-log-path", files.audit_log()),
        // In megabytes; a count over a log that was rotated would be short.
        "--audit-log-maxsize=4096".to_owned(),
    ]
}

/// Ports that were free a moment ago, each another one.
fn free_ports<const N: usize>() -> io::Result<[u16; N]> {
    let mut ports = [0; N];
    let mut listeners = Vec::with_capacity(N);
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::binaries::tests::executable;

    /// A launch whose servers are shell scripts.
    fn launch(folder: &Path, etcd: &str, api: &str) -> Launch {
        for (name, body) in [("etcd", etcd), ("kube-apiserver", api)] {
            let script = format!("#!/bin/sh\ncd {}\n{body}\n", folder.display());
            executable(&folder.join(name), &script);
        }
        let run = folder.join("run");
        fs::create_dir(&run).unwrap();
        Launch {
            binaries: Binaries::in_folder(folder).unwrap(),
            files: Files::new(run),
            credentials: Credentials::generate(&[]).unwrap(),
            owner: Identity::of(std::process::id()),
            ready_limit: Duration::from_secs(20),
        }
    }

    #[test]
    fn a_server_that_ends_is_reported_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let launch = launch(folder.path(), "echo no such disk; exit 4", "");

        let error = launch.run().unwrap_err();

        let Error::Exited {
            server,
            status,
            tail,
        } = error
        else {
            panic!("{error}");
        };
        assert_eq!(server, Server::Etcd);
        assert_eq!(status, "exit status: 4");
        assert_eq!(tail, "no such disk");
    }

    #[test]
    fn a_lost_port_is_tried_again_with_others() {
        let folder = tempfile::tempdir().unwrap();
        let script = "echo \"$3\" >> tries\n\
            [ $(wc -l < tries) = 3 ] && { echo enough; exit 1; }\n\
            echo listen tcp: bind: address already in use; exit 1";
        let launch = launch(folder.path(), script, "");

        let error = launch.run().unwrap_err();

        assert!(error.to_string().ends_with("enough"), "{error}");
        let tries = fs::read_to_string(folder.path().join("tries")).unwrap();
        assert_eq!(tries.lines().count(), 3);
    }

    #[test]
    fn ports_that_are_always_lost_end_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let script = "echo >> tries; echo address already in use; exit 1";
        let launch = launch(folder.path(), script, "");

        let error = launch.run().unwrap_err();

        assert!(error.is_lost_port(), "{error}");
        let tries = fs::read_to_string(folder.path().join("tries")).unwrap();
        assert_eq!(tries.lines().count(), PORT_ATTEMPTS);
    }

    #[test]
    fn a_server_that_hangs_is_ended_after_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let mut launch = launch(folder.path(), "exec sleep 600", "");
        launch.ready_limit = Duration::from_millis(200);
        let run = launch.files.folder().to_owned();

        let error = launch.run().unwrap_err();

        assert!(matches!(error, Error::NotReady { .. }), "{error}");
        let [etcd] = &Record::load(&run).unwrap().unwrap().servers[..] else {
            panic!("one server was started");
        };
        assert_eq!(Identity::of(etcd.pid()), None, "it is no process any more");
    }

    #[test]
    fn ports_of_one_start_differ() {
        let [one, two, three] = free_ports::<3>().unwrap();
        assert!(one != two && two != three && one != three);
    }
}
