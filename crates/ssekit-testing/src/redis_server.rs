//! A Redis server of a test's own, which ends with it.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::eventually;
use crate::port::free_port;

/// The program: Redis, or another server to try in its place.
pub fn program() -> OsString {
    std::env::var_os("REDIS_PATH").unwrap_or_else(|| "redis-server".into())
}

/// A server on a free port, with its own folder.
pub struct RedisServer {
    pub port: u16,
    folder: PathBuf,
    arguments: Vec<String>,
    child: Option<Child>,
}

impl RedisServer {
    /// One that keeps nothing on disk.
    pub fn start() -> Self {
        Self::with(&["--save", "", "--appendonly", "no"])
    }

    /// One that has written everything to disk before it answers.
    pub fn durable() -> Self {
        Self::with(&["--save", "", "--appendonly", "yes", "--appendfsync", "always"])
    }

    pub fn with(arguments: &[&str]) -> Self {
        let port = free_port();
        let folder = std::env::temp_dir().join(format!("ssekit-redis-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let mut server = Self { port, folder, arguments, child: None };
        server.run();
        server
    }

    fn run(&mut self) {
        let mut command = Command::new(program());
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--dir"]).arg(&self.folder);
        command.args(&self.arguments).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(
            command
                .spawn()
                .expect("redis-server can be run, or what REDIS_PATH names: on Debian, apt install redis-server"),
        );
        eventually("Redis answers", || TcpStream::connect(("127.0.0.1", self.port)).is_ok());
        let process = self.child.as_ref().map_or(0, Child::id);
        let info = self.says("INFO server");
        // One that wants a password does not say.
        assert!(info.starts_with('-') || info.contains(&format!("process_id:{process}\r\n")), "that is another server");
        eventually("Redis has loaded what it had", || !self.says("PING").contains("LOADING"));
    }

    /// Ends it like a power cut.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again with what is on disk.
    pub fn restart(&mut self) {
        self.kill();
        self.run();
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Sends one command line, and returns the beginning of the answer.
    pub fn says(&self, line: &str) -> String {
        Self::says_at(self.port, line)
    }

    /// The same of any server.
    pub fn says_at(port: u16, line: &str) -> String {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
        socket.write_all(format!("{line}\r\n").as_bytes()).unwrap();
        let mut answer = [0; 64 * 1024];
        let length = socket.read(&mut answer).unwrap_or(0);
        String::from_utf8_lossy(&answer[..length]).into_owned()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
