//! The secrets that seal tickets: given by the application, kept in the data folder, or made by the process for itself.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use ring::rand::{SecureRandom as _, SystemRandom};

use crate::secret::MIN_SECRET_BYTES;
use ssekit_core::error::{Error, Result, grouped};
use uuid::Uuid;

/// The length of a secret that is made here.
const SECRET_BYTES: usize = MIN_SECRET_BYTES;

/// The file in the data folder. It has the secret and nothing else.
const FILE: &str = "resume.key";

/// Secrets. The first one seals, and all of them open, so that one can replace another.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys(Vec<Vec<u8>>);

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("count", &self.0.len()).finish_non_exhaustive()
    }
}

impl Keys {
    /// The application's own secrets. `argument` is their name for an error.
    ///
    /// # Errors
    /// There is none, or one is too short. The message does not show it.
    pub fn of(argument: &str, secrets: &[&str]) -> Result<Self> {
        let least = MIN_SECRET_BYTES;
        if secrets.is_empty() {
            return Err(Error::argument(format!("{argument}: got no secret, wants one of at least {least} bytes")));
        }
        match secrets.iter().find(|secret| secret.len() < least) {
            Some(short) => {
                let got = grouped(short.len() as u64);
                Err(Error::range(format!("{argument}: got a secret of {got} bytes, wants at least {least} bytes")))
            }
            None => Ok(Self(secrets.iter().map(|secret| secret.as_bytes().to_vec()).collect())),
        }
    }

    /// A secret that ends with this process, and its tickets with it. `None`: the system has no random numbers.
    pub fn of_this_process() -> Option<Self> {
        random().map(|secret| Self(vec![secret.to_vec()]))
    }

    /// The secret that the processes of a data folder share. The first one makes it.
    ///
    /// # Errors
    /// The file cannot be read or made, or it is damaged.
    pub fn in_folder(dir: &Path) -> io::Result<Self> {
        let path = dir.join(FILE);
        match read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                make(dir, &path)?;
                read(&path)
            }
            secret => secret,
        }
        .map(|secret| Self(vec![secret]))
    }

    /// The secret that seals.
    pub(crate) fn first(&self) -> Option<&[u8]> {
        self.0.first().map(Vec::as_slice)
    }

    /// All secrets.
    pub(crate) fn all(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(Vec::as_slice)
    }
}

fn random() -> Option<[u8; SECRET_BYTES]> {
    let mut secret = [0; SECRET_BYTES];
    SystemRandom::new().fill(&mut secret).ok().map(|()| secret)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let secret = fs::read(path)?;
    let is_whole = secret.len() == SECRET_BYTES;
    if is_whole { Ok(secret) } else { Err(io::Error::new(ErrorKind::InvalidData, "resume.key is not a key of ssekit")) }
}

/// Makes the file. It gets its name only when its content is on the disk, so that nobody ever reads a part of it. If two
/// processes make one, the first name stays.
fn make(dir: &Path, path: &Path) -> io::Result<()> {
    let secret = random().ok_or_else(|| io::Error::other("the system has no random numbers"))?;
    let draft = dir.join(format!("{FILE}.{}", Uuid::new_v4()));
    let made = write(&draft, &secret).and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        // Some file systems have no links. There, two processes that begin at the same moment may differ until the next start.
        Err(_) => fs::rename(&draft, path),
        linked => linked,
    });
    let _ = fs::remove_file(&draft);
    made
}

fn write(draft: &Path, secret: &[u8]) -> io::Result<()> {
    let mut file: File = private(OpenOptions::new().write(true).create_new(true)).open(draft)?;
    file.write_all(secret)?;
    file.sync_all()
}

/// For this user alone.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(std::path::PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let dir = std::env::temp_dir().join(format!("ssekit-resume-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&dir);
            fs::create_dir_all(&dir).unwrap();
            Self(dir)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn secret_must_be_long_enough() {
        let long = "x".repeat(MIN_SECRET_BYTES);
        assert_eq!(Keys::of("SSEKIT_SECRET", &[&long, &long]).unwrap().0.len(), 2);
        let error = Keys::of("SSEKIT_SECRET", &[&long, "short secret"]).unwrap_err();
        assert_eq!(error.to_string(), "SSEKIT_SECRET: got a secret of 12 bytes, wants at least 32 bytes");
        assert!(Keys::of("SSEKIT_SECRET", &[]).is_err());
    }

    #[test]
    fn processes_of_a_folder_share_one_secret() {
        let folder = Folder::new("share");
        let first = Keys::in_folder(&folder.0).unwrap();
        assert_eq!(Keys::in_folder(&folder.0).unwrap(), first);
        assert_ne!(Keys::of_this_process().unwrap(), first);
        let names: Vec<_> = fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [FILE]);
    }

    #[cfg(unix)]
    #[test]
    fn file_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = Folder::new("mode");
        Keys::in_folder(&folder.0).unwrap();
        assert_eq!(fs::metadata(folder.0.join(FILE)).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn processes_that_begin_together_agree() {
        let folder = Folder::new("together");
        let all: Vec<Keys> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| Keys::in_folder(&folder.0).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn damaged_file_is_no_secret() {
        let folder = Folder::new("damaged");
        fs::write(folder.0.join(FILE), b"too short").unwrap();
        assert_eq!(Keys::in_folder(&folder.0).unwrap_err().kind(), ErrorKind::InvalidData);
        assert_eq!(Keys::in_folder(&folder.0.join("missing")).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn secrets_are_not_shown() {
        let keys = Keys::of("secret", &["a secret that nobody should ever see"]).unwrap();
        assert_eq!(format!("{keys:?}"), "Keys { count: 1, .. }");
    }
}
