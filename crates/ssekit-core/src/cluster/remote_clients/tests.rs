use super::*;
use crate::cluster::message::AnnouncedSpan;
use crate::event::position::agreed;

fn announced<'a>(client: &'a str, user: Option<&'a str>) -> AnnouncedClient<'a> {
    AnnouncedClient { client, user, ..AnnouncedClient::default() }
}

fn sorted(mut ids: Vec<Arc<str>>) -> Vec<String> {
    ids.sort_unstable();
    ids.iter().map(ToString::to_string).collect()
}

fn complete(remote: &RemoteClients, node: NodeId) {
    let listed = remote.alive(node).unwrap();
    remote.replace(node, listed);
}

#[test]
fn clients_are_listed_by_node_and_user() {
    let (remote, one, two) = (RemoteClients::default(), NodeId::random(), NodeId::random());
    remote.joined(one, 1, &[announced("a", Some("ada")), announced("b", None)]);
    remote.joined(two, 1, &[announced("c", Some("ada"))]);
    assert_eq!(sorted(remote.clients()), ["a", "b", "c"]);
    assert_eq!((remote.count(), remote.count_of("ada"), remote.nodes()), (3, 2, 2));
    remote.left(one, &["a", "unknown"]);
    assert_eq!(sorted(remote.clients_of("ada")), ["c"]);
    let left = Elsewhere { user: Some("ada".into()), connected: false };
    assert_eq!(remote.find("a"), Some(left), "its id is still ada's");
    remote.node_left(two);
    assert_eq!((remote.count_of("ada"), remote.nodes()), (0, 1));
}

#[test]
fn old_node_does_not_remove_a_moved_client() {
    let (remote, one, two) = (RemoteClients::default(), NodeId::random(), NodeId::random());
    remote.joined(one, 1, &[announced("tab", Some("ada"))]);
    remote.joined(two, 1, &[announced("tab", Some("ada"))]);
    remote.left(one, &["tab"]);
    remote.node_left(one);
    assert_eq!(sorted(remote.clients_of("ada")), ["tab"]);
}

#[test]
fn late_log_out_ends_channels_of_earlier_clients_only() {
    let (remote, one) = (RemoteClients::default(), NodeId::random());
    let channels = || vec![AnnouncedSpan { channel: "room", since: 3, ..AnnouncedSpan::default() }];
    let came =
        |client, connected_at| AnnouncedClient { connected_at, channels: channels(), ..announced(client, Some("ada")) };
    remote.joined(one, 1, &[came("early", 5), came("late", 20)]);
    remote.logged_out("ada", agreed(9), Duration::from_millis(10));
    let until = |client: &str| remote.spans_of(client)[0].until;
    assert_eq!((until("early"), until("late")), (agreed(9), Position::MAX));
    remote.logged_out("ada", agreed(9), Duration::MAX);
    assert_eq!(until("late"), agreed(9));
}

#[test]
fn complete_snapshot_replaces_the_known_clients() {
    let (remote, one) = (RemoteClients::default(), NodeId::random());
    remote.joined(one, 1, &[announced("a", None), announced("b", Some("ada"))]);
    remote.snapshot(one, (2, 1), true, &[announced("b", Some("ada"))]);
    remote.snapshot(one, (2, 1), false, &[announced("c", Some("bob"))]);
    assert_eq!(sorted(remote.clients()), ["a", "b"], "it is not complete yet");
    complete(&remote, one);
    assert_eq!(sorted(remote.clients()), ["b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn expired_lease_removes_node_and_clients() {
    let (remote, one, two) = (RemoteClients::default(), NodeId::random(), NodeId::random());
    let (lease, memory) = (Duration::from_secs(10), Duration::from_secs(300));
    remote.joined(one, 1, &[announced("a", None)]);
    remote.joined(two, 1, &[announced("b", None)]);
    tokio::time::advance(Duration::from_secs(7)).await;
    remote.alive(two);
    tokio::time::advance(Duration::from_secs(7)).await;
    remote.expire(lease, memory);
    assert_eq!(sorted(remote.clients()), ["b"]);
    tokio::time::advance(Duration::from_secs(9)).await;
    remote.bear_with_all();
    remote.expire(lease, memory);
    assert_eq!(sorted(remote.clients()), ["b"]);
    assert!(remote.find("a").is_some());
    tokio::time::advance(memory).await;
    remote.expire(lease, memory);
    assert_eq!(remote.find("a"), None);
}

#[test]
fn id_belongs_to_the_first_user_in_the_history() {
    let (remote, one, two) = (RemoteClients::default(), NodeId::random(), NodeId::random());
    remote.joined(one, 5, &[announced("tab", Some("ada"))]);
    remote.joined(two, 6, &[announced("tab", Some("eve"))]);
    let ada = Elsewhere { user: Some("ada".into()), connected: true };
    assert_eq!(remote.find("tab"), Some(ada.clone()));
    assert_eq!((remote.count_of("ada"), remote.count_of("eve")), (1, 0));
    // A node that hears of the second claim first learns about the other from the presence snapshot.
    let late = RemoteClients::default();
    late.joined(two, 6, &[announced("tab", Some("eve"))]);
    late.snapshot(one, (9, 8), true, &[AnnouncedClient { since: 5, ..announced("tab", Some("ada")) }]);
    complete(&late, one);
    assert_eq!(late.find("tab"), Some(ada));
    assert!(
        late.is_claimed("tab", Some("eve"), Reported::by(6)) && !late.is_claimed("tab", Some("ada"), Reported::by(6))
    );
}

#[test]
fn late_snapshot_takes_nobody_back() {
    let (remote, one, two) = (RemoteClients::default(), NodeId::random(), NodeId::random());
    let tab = |since| AnnouncedClient { since, ..announced("tab", Some("ada")) };
    remote.joined(one, 5, &[tab(0)]);
    // The snapshot is in the history behind the move that its node had not read.
    remote.snapshot(one, (8, 6), true, &[tab(5)]);
    remote.joined(two, 9, &[tab(0)]);
    complete(&remote, one);
    remote.snapshot(one, (10, 8), true, &[tab(5)]);
    complete(&remote, one);
    remote.snapshot(one, (11, 8), true, &[tab(0)]);
    complete(&remote, one);
    assert_eq!(remote.nodes_with_clients().iter().find(|(_, clients)| *clients > 0), Some(&(two, 1)));
    // It came to the first node after that node had read of the move.
    remote.snapshot(one, (12, 9), true, &[tab(0)]);
    complete(&remote, one);
    assert_eq!(remote.nodes_with_clients().iter().find(|(_, clients)| *clients > 0), Some(&(one, 1)));
    assert_eq!(remote.count_of("ada"), 1);
}

#[test]
fn numbers_of_another_history_decide_nothing() {
    let (remote, one, two) = (RemoteClients::default(), NodeId::random(), NodeId::random());
    remote.joined(one, 500, &[announced("tab", Some("ada"))]);
    remote.snapshot(two, (501, 500), true, &[announced("tab", Some("ada"))]);
    remote.forget_order();
    assert_eq!(remote.alive(two), None, "the rest of its snapshot is lost");
    assert!(
        !remote.has_moved("tab", Some("ada"), Reported::by(1))
            && !remote.is_claimed("tab", Some("eve"), Reported::by(900))
    );
    remote.snapshot(two, (3, 2), true, &[announced("tab", Some("ada"))]);
    complete(&remote, two);
    assert!(
        remote.has_moved("tab", Some("ada"), Reported::by(2)) && !remote.has_moved("tab", Some("ada"), Reported::by(4))
    );
    assert_eq!((remote.count_of("ada"), remote.nodes_with_clients().len()), (1, 2));
}
