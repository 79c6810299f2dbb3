//! Finds the server that has the keys: one of the hosts, the one that a sentinel names, or the one that another server
//! of the cluster names.

use std::fmt::Display;
use std::sync::Arc;

use tokio::time::timeout;

use crate::bounded::{Allowance, MOST_BYTES};
use crate::connection::{ANSWER, Connection};
use crate::failure::{CallError, Redirect, Secrets};
use crate::options::{Host, RedisOptions, Server};
use crate::transport::Dialler;
use ssekit_core::backplane::Failure;

/// Opens connections.
#[derive(Clone)]
pub(crate) struct Connector {
    server: Arc<Server>,
    dialler: Dialler,
    secrets: Secrets,
    /// Where the next connection goes, if another server said so.
    redirect: Option<Redirect>,
    /// The host to try next.
    next_host: usize,
    /// The maximum number of bytes in one answer.
    pub(crate) most_bytes: usize,
}

impl Connector {
    /// # Errors
    /// The certificates are invalid.
    pub(crate) fn new(options: &RedisOptions, server: Server) -> ssekit_core::error::Result<Self> {
        let dialler = if server.tls { Dialler::trusting(options.ca.as_deref())? } else { Dialler::plain() };
        let logins = [&server.login, &server.sentinel_login];
        let secrets = Secrets::new(logins.into_iter().filter_map(|login| login.password.clone()));
        Ok(Self { server: Arc::new(server), dialler, secrets, redirect: None, next_host: 0, most_bytes: MOST_BYTES })
    }

    /// Opens a connection to the server that has the keys.
    pub(crate) async fn open(&mut self) -> Result<Connection, Failure> {
        let server = Arc::clone(&self.server);
        let (host, is_asking) = match (self.redirect.take(), &server.service) {
            (Some(redirect), _) => (redirect.host, redirect.is_asking),
            (None, Some(service)) => (self.ask_sentinels(service).await?, false),
            (None, None) => (self.next_host()?, false),
        };
        let mut connection = self.dial(&host).await?;
        connection.log_in(&server.login).await?;
        connection.select(server.database).await?;
        connection.check_release().await?;
        if is_asking {
            connection.ask();
        }
        Ok(connection)
    }

    /// Lets the next connection go where the error says. Otherwise the server is looked up again.
    pub(crate) fn learn_from(&mut self, error: &CallError) {
        self.redirect = error.redirect.clone();
    }

    /// Tries the hosts in turn.
    fn next_host(&mut self) -> Result<Host, Failure> {
        let hosts = &self.server.hosts;
        let host = hosts.get(self.next_host % hosts.len().max(1)).cloned();
        self.next_host = self.next_host.wrapping_add(1);
        host.ok_or_else(|| Failure::new("Redis: there is no host"))
    }

    async fn ask_sentinels(&mut self, service: &str) -> Result<Host, Failure> {
        let mut last = Failure::new("Redis: there is no sentinel");
        for _ in 0..self.server.hosts.len() {
            let sentinel = self.next_host()?;
            match self.ask_sentinel(&sentinel, service).await {
                Ok(host) => return Ok(host),
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    async fn ask_sentinel(&self, sentinel: &Host, service: &str) -> Result<Host, Failure> {
        let mut connection = self.dial(sentinel).await?;
        let refused = |error: CallError| Failure::new(format!("{}, says sentinel {sentinel}", Failure::from(error)));
        connection.log_in(&self.server.sentinel_login).await.map_err(refused)?;
        let primary = connection.primary_of(service).await.map_err(refused)?;
        let unknown = || Failure::new(format!("sentinel {sentinel} does not know of {service:?}"));
        primary.map(|(name, port)| Host { name, port }).ok_or_else(unknown)
    }

    async fn dial(&self, host: &Host) -> Result<Connection, Failure> {
        // The host may be one that a server has named.
        let failed = |what: &dyn Display| Failure::new(self.secrets.printable(&format!("Redis at {host}: {what}")));
        let dialled = timeout(ANSWER, self.dialler.dial(host)).await;
        let stream = dialled.map_err(|_| failed(&"it cannot be reached in time"))?.map_err(|error| failed(&error))?;
        Ok(Connection::over(stream, Allowance::of(self.most_bytes), self.secrets.clone()).await?)
    }
}
