//! One connection to a server: sends a command and waits for its answer, for a limited time.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, RedisConnectionInfo, RedisResult, Value, cmd};
use tokio::time::timeout;

use crate::answer::text;
use crate::bounded::{Allowance, Bounded};
use crate::failure::{CallError, Secrets};
use crate::options::Login;
use crate::transport::Transport;
use ssekit_core::backplane::Failure;

/// The time limit for a command that does not wait for anything.
pub(crate) const ANSWER: Duration = Duration::from_secs(3);

/// The oldest release with every feature that is used.
const OLDEST: (u32, u32) = (6, 2);

/// An open connection. A call that is abandoned or fails leaves an answer on its way, so drop the connection then.
pub(crate) struct Connection {
    client: MultiplexedConnection,
    /// The client's input and output, which run only while a call waits, and end with the connection. `None`: they
    /// have ended.
    io: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    allowance: Allowance,
    secrets: Secrets,
    /// Tells the server before each command that another one has sent it here (`ASK`).
    is_asking: bool,
}

impl Connection {
    pub(crate) async fn over(
        stream: impl Transport + 'static,
        allowance: Allowance,
        secrets: Secrets,
    ) -> Result<Self, CallError> {
        // `call` has the time limits, and everything that a server must be told has an error of its own.
        let config = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
        let nothing = RedisConnectionInfo::default().set_skip_set_lib_name();
        let stream = Bounded::new(stream, allowance.clone());
        let opened = MultiplexedConnection::new_with_config(&nothing, stream, config).await;
        let (client, io) = opened.map_err(|error| CallError::of_client(&error))?;
        Ok(Self { client, io: Some(Box::pin(io)), allowance, secrets, is_asking: false })
    }

    pub(crate) async fn call(&mut self, command: &Cmd, time: Duration) -> Result<Value, CallError> {
        if self.is_asking {
            self.exchange(&cmd("ASKING"), ANSWER).await?;
        }
        self.exchange(command, time).await
    }

    async fn exchange(&mut self, command: &Cmd, time: Duration) -> Result<Value, CallError> {
        self.allowance.renew();
        match timeout(time, self.send(command)).await {
            Err(_) => Err(CallError::late()),
            Ok(Err(_)) if self.allowance.is_spent() => Err(CallError::too_large()),
            Ok(Err(error)) => Err(CallError::of_client(&error)),
            Ok(Ok(Value::ServerError(error))) => Err(CallError::of_server(&error, &self.secrets)),
            Ok(Ok(answer)) => Ok(answer),
        }
    }

    async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        let mut answer = pin!(self.client.send_packed_command(command));
        if let Some(io) = &mut self.io {
            tokio::select! {
                biased;
                answer = &mut answer => return answer,
                () = io => {}
            }
            self.io = None;
        }
        answer.await
    }

    pub(crate) async fn log_in(&mut self, login: &Login) -> Result<(), CallError> {
        let Login { user, password } = login;
        let Some(password) = password else { return Ok(()) };
        let mut auth = cmd("AUTH");
        auth.arg(user).arg(password);
        self.call(&auth, ANSWER).await.map(drop).map_err(CallError::of_login)
    }

    pub(crate) async fn select(&mut self, database: u32) -> Result<(), CallError> {
        if database == 0 {
            return Ok(());
        }
        self.call(cmd("SELECT").arg(database), ANSWER).await.map(drop)
    }

    /// Checks the release. If the user may not ask for it, assumes that it is new enough.
    pub(crate) async fn check_release(&mut self) -> Result<(), Failure> {
        let answer = match self.call(cmd("INFO").arg("server"), ANSWER).await {
            Err(error) if error.is("NOPERM") => return Ok(()),
            answer => answer?,
        };
        let info = text(&answer).unwrap_or_default();
        let Some(release) = info.lines().find_map(|line| line.strip_prefix("redis_version:")) else { return Ok(()) };
        let mut numbers = release.trim().split('.').map(|number| number.parse::<u32>().unwrap_or(0));
        let release_of = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        if release_of < OLDEST {
            let release = self.secrets.printable(release.trim());
            return Err(Failure::new(format!("Redis is {release}, wants {}.{} or later", OLDEST.0, OLDEST.1)));
        }
        Ok(())
    }

    /// Asks a sentinel for the host and port of this service.
    pub(crate) async fn primary_of(&mut self, service: &str) -> Result<Option<(String, u16)>, CallError> {
        let answer = self.call(cmd("SENTINEL").arg("get-master-addr-by-name").arg(service), ANSWER).await?;
        Ok(redis::from_redis_value::<(String, u16)>(answer).ok())
    }

    pub(crate) fn ask(&mut self) {
        self.is_asking = true;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);
    const ALLOWED: usize = 1 << 20;

    async fn open() -> (Connection, DuplexStream) {
        let (stream, server) = duplex(64 * 1024);
        let secrets = Secrets::new(["secret".to_owned()]);
        (Connection::over(stream, Allowance::of(ALLOWED), secrets).await.unwrap(), server)
    }

    /// Answers each command with the next of these texts, and then closes the connection.
    async fn answer(mut server: DuplexStream, texts: &[&str]) {
        for text in texts {
            server.read_buf(&mut Vec::new()).await.unwrap();
            // The client may have seen enough before it has read everything.
            let _ = server.write_all(text.as_bytes()).await;
        }
    }

    fn told(error: CallError) -> String {
        Failure::from(error).to_string()
    }

    #[tokio::test]
    async fn endless_answer_is_too_large() {
        for length in ["$9223372036854775807\r\n", "*9223372036854775807\r\n", "*1000000000\r\n"] {
            let (mut connection, mut server) = open().await;
            let endless = async {
                server.write_all(length.as_bytes()).await.unwrap();
                while server.write_all(&b"+x\r\n".repeat(10_000)).await.is_ok() {}
            };
            let ping = cmd("PING");
            let error = tokio::select! {
                called = connection.call(&ping, PATIENCE) => called.unwrap_err(),
                () = endless => panic!("the connection has ended before the call"),
            };
            assert!(error.too_large, "{length}: {error:?}");
            assert_eq!(told(error), "Redis: the answer is too large");
        }
    }

    #[tokio::test]
    async fn each_answer_has_its_own_allowance() {
        let (mut connection, server) = open().await;
        let large = format!("${}\r\n{}\r\n", ALLOWED / 2, "x".repeat(ALLOWED / 2));
        let calls = async {
            for _ in 0..4 {
                let answer = connection.call(&cmd("PING"), PATIENCE).await.unwrap();
                assert_eq!(text(&answer).unwrap().len(), ALLOWED / 2);
            }
        };
        let answers = [large.as_str(); 4];
        tokio::join!(calls, answer(server, &answers));
    }

    #[tokio::test]
    async fn malformed_answer_is_refused_and_not_quoted() {
        for text in ["*1\r\n".repeat(100_000).as_str(), "HTTP/1.1 400 secret\r\n", "$secret\r\n", ":secret\r\n"] {
            let (mut connection, server) = open().await;
            let (ping, texts) = (cmd("PING"), [text]);
            let (called, ()) = tokio::join!(connection.call(&ping, PATIENCE), answer(server, &texts));
            assert_eq!(told(called.unwrap_err()), "Redis: the answer is not the protocol of Redis");
        }
    }

    #[tokio::test]
    async fn closed_connection_fails_every_call() {
        let (mut connection, server) = open().await;
        let ping = cmd("PING");
        // The end comes together with the answer, or behind it.
        let (called, ()) = tokio::join!(connection.call(&ping, PATIENCE), answer(server, &["+PONG\r\n"]));
        assert_eq!(called.unwrap(), Value::SimpleString("PONG".into()));
        for _ in 0..3 {
            assert_eq!(told(connection.call(&ping, PATIENCE).await.unwrap_err()), "Redis: broken pipe");
        }
    }

    #[tokio::test]
    async fn asking_precedes_each_command_after_ask() {
        let (mut connection, server) = open().await;
        connection.ask();
        let ping = cmd("PING");
        let calls = async {
            connection.call(&ping, PATIENCE).await.unwrap();
            connection.call(&ping, PATIENCE).await.unwrap_err()
        };
        let (error, ()) = tokio::join!(calls, answer(server, &["+OK\r\n", "+PONG\r\n", "-ERR secret\r\n"]));
        assert_eq!(told(error), "Redis: ERR ***");
    }
}
