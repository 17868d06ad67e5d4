//! The download from a server on loopback.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha512};
use tar::{EntryType, Header};

use super::*;

/// The reply to one path.
#[derive(Clone)]
struct Page {
    body: Vec<u8>,
    /// How many bytes the server claims to send, if not the true number.
    claimed: Option<usize>,
}

/// A server with an archive and its checksum file.
struct Server {
    pages: HashMap<String, Page>,
}

impl Server {
    fn with(archive: &[u8]) -> Self {
        let sum = crate::hex(&Sha512::digest(archive));
        let name = fetch::archive_name("");
        let mut server = Self {
            pages: HashMap::new(),
        };
        server.put(
            &format!("/{name}.sha512"),
            format!("{sum}  {name}\n").as_bytes(),
        );
        server.put(&format!("/{name}"), archive);
        server
    }

    fn put(&mut self, path: &str, body: &[u8]) {
        let page = Page {
            body: body.to_owned(),
            claimed: None,
        };
        self.pages.insert(path.to_owned(), page);
    }

    fn archive(&mut self) -> &mut Page {
        let path = format!("/{}", fetch::archive_name(""));
        self.pages.get_mut(&path).unwrap()
    }

    fn checksum(&mut self) -> &mut Page {
        let path = format!("/{}.sha512", fetch::archive_name(""));
        self.pages.get_mut(&path).unwrap()
    }

    /// Serves until the test process ends; gives the address.
    fn start(self) -> String {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.unwrap(), &self.pages);
            }
        });
        url
    }
}

fn serve(mut stream: TcpStream, pages: &HashMap<String, Page>) {
    let mut lines = BufReader::new(&stream).lines().map(Result::unwrap);
    let request = lines.next().unwrap();
    lines.find(String::is_empty);
    let path = request.split(' ').nth(1).unwrap();
    let reply = match pages.get(path) {
        Some(page) => {
            let length = page.claimed.unwrap_or(page.body.len());
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            [head.as_bytes(), &page.body].concat()
        }
        None => {
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec()
        }
    };
    stream.write_all(&reply).unwrap();
}

/// An archive of entries whose names are written as they are, even if they
/// lead out of the folder.
fn archive(entries: &[(&str, EntryType)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, kind) in entries {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o4777);
        let body: &[u8] = if kind.is_file() { b"server" } else { b"" };
        if kind.is_symlink() {
            header.set_link_name("/bin/sh").unwrap();
        }
        header.set_size(body.len() as u64);
        header.set_cksum();
        builder.append(&header, body).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn published() -> Vec<u8> {
    archive(&[
        ("controller-tools/envtest/", EntryType::Directory),
        ("controller-tools/envtest/etcd", EntryType::Regular),
        (
            "controller-tools/envtest/kube-apiserver",
            EntryType::Regular,
        ),
        ("controller-tools/envtest/kubectl", EntryType::Regular),
    ])
}

/// The reason that the search gives after a download from this server.
fn refusal(world: &World, server: Server) -> String {
    let search = world.search(GO_FAILS).with_envtest_url(server.start());
    let Error::NoBinaries { download, .. } = search.find().unwrap_err() else {
        panic!("another error");
    };
    assert_eq!(world.cached(), [""; 0], "nothing is left in the cache");
    download
}

#[test]
fn the_published_archive_is_the_last_resort() {
    let world = World::new();
    let url = Server::with(&published()).start();

    let found = world
        .search(GO_FAILS)
        .with_envtest_url(&url)
        .find()
        .unwrap();

    assert_eq!(found.origin(), Origin::Downloaded);
    assert_eq!(fs::read(found.etcd()).unwrap(), b"server");
    let mode = fs::metadata(found.etcd()).unwrap().permissions().mode();
    assert_eq!(mode & 0o7000, 0, "the archive cannot set a bit");
    assert!(
        !found.folder().join("kubectl").exists(),
        "only servers are taken"
    );
}

#[test]
fn an_archive_with_another_checksum_is_not_unpacked() {
    let world = World::new();
    let mut server = Server::with(&published());
    server.archive().body = archive(&[("etcd", EntryType::Regular)]);
    let reason = refusal(&world, server);
    assert!(reason.contains("nothing of it was unpacked"), "{reason}");
}

#[test]
fn an_archive_that_breaks_off_is_refused() {
    let world = World::new();
    let mut server = Server::with(&published());
    let page = server.archive();
    page.claimed = Some(page.body.len());
    page.body.truncate(60);
    let reason = refusal(&world, server);
    assert!(reason.starts_with("could not fetch"), "{reason}");
}

#[test]
fn an_archive_that_is_not_there_is_told_with_its_address() {
    let world = World::new();
    let mut server = Server::with(&published());
    let name = fetch::archive_name("");
    server.pages.remove(&format!("/{name}"));
    let reason = refusal(&world, server);
    assert!(reason.contains("404") && reason.contains(&name), "{reason}");
}

#[test]
fn an_archive_without_a_checksum_file_is_refused() {
    let world = World::new();
    let mut server = Server::with(&published());
    server.pages.retain(|path, _| !path.ends_with(".sha512"));
    let reason = refusal(&world, server);
    assert!(
        reason.contains("404") && reason.contains(".sha512"),
        "{reason}"
    );
}

#[test]
fn a_checksum_file_with_something_else_is_refused() {
    let world = World::new();
    let mut server = Server::with(&published());
    server.checksum().body = b"<html>please log in</html>".to_vec();
    let reason = refusal(&world, server);
    assert!(reason.contains("<html>please log in"), "{reason}");
}

#[test]
fn a_checksum_that_is_too_short_is_refused() {
    let world = World::new();
    let mut server = Server::with(&published());
    server.checksum().body.truncate(64);
    let reason = refusal(&world, server);
    assert!(reason.contains("128 hexadecimal digits"), "{reason}");
}

#[test]
fn an_archive_without_a_server_is_refused() {
    let world = World::new();
    let server = Server::with(&archive(&[("a/etcd", EntryType::Regular)]));
    let reason = refusal(&world, server);
    assert!(reason.contains("holds no file kube-apiserver"), "{reason}");
}

#[test]
fn a_link_in_the_place_of_a_server_is_not_taken() {
    let world = World::new();
    let entries = [
        ("etcd", EntryType::Regular),
        ("kube-apiserver", EntryType::Symlink),
    ];
    let reason = refusal(&world, Server::with(&archive(&entries)));
    assert!(reason.contains("holds no file kube-apiserver"), "{reason}");
}

#[test]
fn no_name_in_an_archive_leads_out_of_the_cache() {
    let world = World::new();
    let entries = [
        ("../../../escaped", EntryType::Regular),
        ("../../etcd", EntryType::Regular),
        ("/kube-apiserver", EntryType::Regular),
    ];
    let url = Server::with(&archive(&entries)).start();

    let found = world
        .search(GO_FAILS)
        .with_envtest_url(&url)
        .find()
        .unwrap();

    assert!(found.etcd().starts_with(world.cache()));
    assert!(!world.path("etcd").exists() && !world.path("escaped").exists());
    assert_eq!(fs::read_dir(found.folder()).unwrap().count(), 2);
}

#[test]
fn something_that_is_no_archive_is_refused() {
    let world = World::new();
    let reason = refusal(&world, Server::with(b"no archive"));
    assert!(reason.contains("gzipped tar file"), "{reason}");
}

#[test]
fn the_archive_has_the_version_of_the_release_that_was_named() {
    let name = fetch::archive_name("http://host/download/envtest-v1.40.0");
    assert!(name.starts_with("envtest-v1.40.0-"), "{name}");
}
