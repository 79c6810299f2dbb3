//! Processes that open a fresh folder at the same moment make one history.

use ssekit_core::backplane::{Backplane as _, Known};
use ssekit_file::{File, FileOptions};

use crate::child::{Process, say, told_folder, wait_for_word};
use crate::folder::TestFolder;

const ROUNDS: usize = 20;

#[tokio::test]
async fn processes_that_start_together_share_one_epoch() {
    if let Some(folder) = told_folder() {
        let mut file = File::new(FileOptions::at(folder)).unwrap();
        say("ready");
        wait_for_word();
        say(&file.join(&Known::default()).await.map_or_else(|failure| failure.to_string(), |it| it.epoch.to_string()));
        return;
    }
    for round in 0..ROUNDS {
        let folder = TestFolder::new();
        let test = "start::processes_that_start_together_share_one_epoch";
        let mut processes = [(); 2].map(|()| Process::start(test, folder.path()));
        for process in &mut processes {
            assert_eq!(process.next().as_deref(), Some("ready"));
        }
        processes.iter_mut().for_each(Process::give_word);
        let epochs = processes.map(|mut process| process.next().unwrap());
        let here = folder.open().join(&Known::default()).await.unwrap().epoch;
        assert_eq!(epochs, [here.to_string(), here.to_string()], "round {round}");
    }
}
