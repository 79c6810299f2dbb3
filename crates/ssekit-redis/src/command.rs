//! Commands in the format that Redis reads (RESP, <https://redis.io/docs/latest/develop/reference/protocol-spec/>), and
//! the parts of its answers.

use redis_protocol::resp2::types::BytesFrame;

/// A command and its arguments.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    arguments: usize,
    body: Vec<u8>,
}

impl Command {
    pub(crate) fn new(name: &str) -> Self {
        Self { arguments: 0, body: Vec::with_capacity(256) }.arg(name)
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<[u8]>) -> Self {
        let argument = argument.as_ref();
        self.arguments += 1;
        self.body.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        self.body.extend_from_slice(argument);
        self.body.extend_from_slice(b"\r\n");
        self
    }

    pub(crate) fn number(self, number: u64) -> Self {
        self.arg(number.to_string())
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let head = format!("*{}\r\n", self.arguments);
        [head.as_bytes(), &self.body].concat()
    }
}

/// The text of a string reply.
pub(crate) fn text(value: &BytesFrame) -> Option<&str> {
    match value {
        BytesFrame::BulkString(bytes) | BytesFrame::SimpleString(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}

/// A non-negative number.
pub(crate) fn number(value: &BytesFrame) -> Option<u64> {
    match value {
        BytesFrame::Integer(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_states_number_and_length_of_arguments() {
        let command = Command::new("SET").arg("key").arg("\r\n").number(7);
        assert_eq!(command.bytes(), b"*4\r\n$3\r\nSET\r\n$3\r\nkey\r\n$2\r\n\r\n\r\n$1\r\n7\r\n");
    }
}
