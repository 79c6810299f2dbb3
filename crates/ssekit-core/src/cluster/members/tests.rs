use super::*;

fn member<'a>(client: &'a str, user: Option<&'a str>) -> Member<'a> {
    Member { client, user, ..Member::default() }
}

fn sorted(mut ids: Vec<Arc<str>>) -> Vec<String> {
    ids.sort_unstable();
    ids.iter().map(ToString::to_string).collect()
}

#[test]
fn clients_are_listed_by_node_and_user() {
    let (members, one, two) = (Members::default(), NodeId::random(), NodeId::random());
    members.joined(one, 1, &[member("a", Some("ada")), member("b", None)]);
    members.joined(two, 1, &[member("c", Some("ada"))]);
    assert_eq!(sorted(members.clients()), ["a", "b", "c"]);
    assert_eq!((members.count(), members.count_of("ada"), members.nodes()), (3, 2, 2));
    members.left(one, &["a", "unknown"]);
    assert_eq!(sorted(members.clients_of("ada")), ["c"]);
    let left = Elsewhere { user: Some("ada".into()), connected: false };
    assert_eq!(members.find("a"), Some(left), "its id is still ada's");
    members.node_left(two);
    assert_eq!((members.count_of("ada"), members.nodes()), (0, 1));
}

#[test]
fn old_node_does_not_remove_a_moved_client() {
    let (members, one, two) = (Members::default(), NodeId::random(), NodeId::random());
    members.joined(one, 1, &[member("tab", Some("ada"))]);
    members.joined(two, 1, &[member("tab", Some("ada"))]);
    members.left(one, &["tab"]);
    members.node_left(one);
    assert_eq!(sorted(members.clients_of("ada")), ["tab"]);
}

#[test]
fn complete_snapshot_replaces_the_known_clients() {
    let (members, one) = (Members::default(), NodeId::random());
    members.joined(one, 1, &[member("a", None), member("b", Some("ada"))]);
    members.snapshot(one, 2, true, &[member("b", Some("ada"))]);
    members.snapshot(one, 2, false, &[member("c", Some("bob"))]);
    assert_eq!(sorted(members.clients()), ["a", "b"], "it is not complete yet");
    members.alive(one);
    assert_eq!(sorted(members.clients()), ["b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn expired_lease_removes_node_and_clients() {
    let (members, one, two) = (Members::default(), NodeId::random(), NodeId::random());
    let (lease, memory) = (Duration::from_secs(10), Duration::from_secs(300));
    members.joined(one, 1, &[member("a", None)]);
    members.joined(two, 1, &[member("b", None)]);
    tokio::time::advance(Duration::from_secs(7)).await;
    members.alive(two);
    tokio::time::advance(Duration::from_secs(7)).await;
    members.expire(lease, memory);
    assert_eq!(sorted(members.clients()), ["b"]);
    tokio::time::advance(Duration::from_secs(9)).await;
    members.bear_with_all();
    members.expire(lease, memory);
    assert_eq!(sorted(members.clients()), ["b"]);
    assert!(members.find("a").is_some());
    tokio::time::advance(memory).await;
    members.expire(lease, memory);
    assert_eq!(members.find("a"), None);
}

#[test]
fn id_belongs_to_the_first_user_in_the_history() {
    let (members, one, two) = (Members::default(), NodeId::random(), NodeId::random());
    members.joined(one, 5, &[member("tab", Some("ada"))]);
    members.joined(two, 6, &[member("tab", Some("eve"))]);
    let ada = Elsewhere { user: Some("ada".into()), connected: true };
    assert_eq!(members.find("tab"), Some(ada.clone()));
    assert_eq!((members.count_of("ada"), members.count_of("eve")), (1, 0));
    // A node that hears of the second claim first learns about the other from the presence snapshot.
    let late = Members::default();
    late.joined(two, 6, &[member("tab", Some("eve"))]);
    late.snapshot(one, 9, true, &[Member { since: 5, ..member("tab", Some("ada")) }]);
    late.alive(one);
    assert_eq!(late.find("tab"), Some(ada));
    assert!(late.is_claimed("tab", Some("eve"), 6) && !late.is_claimed("tab", Some("ada"), 6));
}
