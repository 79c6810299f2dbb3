//! This test program once more, as a process that a test can kill: it runs one test, which then plays another part.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The folder, for a process that plays another part.
const FOLDER: &str = "SSEKIT_TEST_FOLDER";

/// Before each line that such a process says: the harness writes to the same output.
const SAYS: &str = "says: ";

pub(crate) struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// The folder, if this process was started by [`Process::start`].
pub(crate) fn told_folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// Says a line to the test.
pub(crate) fn say(line: &str) {
    println!("{SAYS}{line}");
    std::io::stdout().flush().unwrap();
}

/// Waits for a word of the test, or its end.
pub(crate) fn wait_for_word() {
    let _ = std::io::stdin().read_line(&mut String::new());
}

impl Process {
    /// Runs `test` of this program.
    pub(crate) fn start(test: &str, folder: &Path) -> Self {
        Self::of(Command::new(std::env::current_exe().unwrap()), test, folder)
    }

    /// The same, after a shell has done something first.
    #[cfg(unix)]
    pub(crate) fn start_after(commands: &str, test: &str, folder: &Path) -> Self {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &format!("{commands}; exec \"$0\" \"$@\"")]).arg(std::env::current_exe().unwrap());
        Self::of(shell, test, folder)
    }

    /// The same, by a program that starts it.
    pub(crate) fn of(mut command: Command, test: &str, folder: &Path) -> Self {
        command.args(["--exact", test, "--nocapture"]).env(FOLDER, folder);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { input: child.stdin.take(), child, output }
    }

    /// Its next line. `None`: it has ended.
    pub(crate) fn next(&mut self) -> Option<String> {
        let mut line = String::new();
        while self.output.read_line(&mut line).unwrap() > 0 {
            // The end of a killed process may be in the middle of a line.
            if let Some((_, said)) = line.split_once(SAYS).filter(|_| line.ends_with('\n')) {
                return Some(said.trim_end().to_owned());
            }
            line.clear();
        }
        None
    }

    pub(crate) fn give_word(&mut self) {
        self.input.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// Waits for its end.
    #[cfg(target_os = "linux")]
    pub(crate) fn wait(&mut self) {
        let _ = self.child.wait();
    }

    /// Ends it by SIGKILL.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
