//! An API server that answers as a test says, for programs that are processes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// What comes back.
pub(crate) enum Answer {
    Json(u16, Value),
    /// Lines, and then silence.
    Lines(Vec<Value>),
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Method and path.
    pub(crate) line: String,
    pub(crate) body: Value,
}

/// The server.
pub(crate) struct Stub {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Asked>>>,
}

impl Stub {
    pub(crate) fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&seen), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                // A program that has ended is no failure of its server.
                std::thread::spawn(move || talk(&stream.unwrap(), &log, &*answer).ok());
            }
        });
        Self { address, seen }
    }

    pub(crate) fn seen(&self) -> Vec<Asked> {
        self.seen.lock().unwrap().clone()
    }

    /// A kubeconfig that leads here.
    pub(crate) fn kubeconfig(&self, folder: &Path) -> PathBuf {
        let path = folder.join("kubeconfig");
        let text = format!(
            "{{current-context: c, contexts: [{{name: c, context: {{cluster: c, user: c}}}}], \
             clusters: [{{name: c, cluster: {{server: 'http://{}'}}}}], users: [{{name: c, user: {{}}}}]}}",
            self.address
        );
        std::fs::write(&path, text).unwrap();
        path
    }
}

fn talk(
    mut stream: &TcpStream,
    log: &Mutex<Vec<Asked>>,
    answer: &(impl Fn(&Asked) -> Answer + ?Sized),
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line == "\r\n" {
                break;
            }
            head.push(line.trim_end().to_owned());
        }
        let length = head.iter().find_map(|line| {
            let line = line.to_lowercase();
            line.strip_prefix("content-length: ")?.parse::<usize>().ok()
        });
        let mut body = vec![0; length.unwrap_or_default()];
        reader.read_exact(&mut body)?;
        let asked = Asked {
            line: head[0].trim_end_matches(" HTTP/1.1").to_owned(),
            body: serde_json::from_slice(&body).unwrap_or_default(),
        };
        let answer = answer(&asked);
        log.lock().unwrap().push(asked);
        match answer {
            Answer::Json(status, value) => {
                let (text, mime) = (value.to_string(), "content-type: application/json");
                let length = text.len();
                write!(
                    stream,
                    "HTTP/1.1 {status} .\r\n{mime}\r\ncontent-length: {length}\r\n\r\n{text}"
                )?;
            }
            Answer::Lines(lines) => {
                write!(stream, "HTTP/1.1 200 .\r\nconnection: close\r\n\r\n")?;
                for line in lines {
                    writeln!(stream, "{line}")?;
                }
                stream.flush()?;
                // Until the other end closes.
                reader.read_to_end(&mut Vec::new())?;
                return Ok(());
            }
        }
    }
}
