use proptest::prelude::*;

use super::*;
use crate::event::Event;
use crate::event::position::Epoch;

fn examples() -> Vec<Message<'static>> {
    let event = Encoded { body: "data: {}\nid: ", own_id: Some("i"), coalesce_key: Some("k") };
    let plain = Encoded { body: "data: \nid: ", own_id: None, coalesce_key: None };
    let watching = AnnouncedClient {
        client: "b",
        data: Some("{}"),
        connected_at: 5,
        channels: vec![
            AnnouncedSpan { channel: "x", ..AnnouncedSpan::default() },
            AnnouncedSpan { channel: "y", since: 3, until: Some(9), named_at: 7 },
            AnnouncedSpan { channel: "z", until: Some(0), ..AnnouncedSpan::default() },
        ],
        ..AnnouncedClient::default()
    };
    let (client, channel) = ("tab", "x");
    let command = SubscriptionCommand { client, owner: None, shown: None, channel, since: None };
    let asked = SubscriptionCommand { owner: Some(Owner::Anonymous), shown: Some("k"), since: Some("e.7"), ..command };
    let clients = vec![
        AnnouncedClient { client: "a", user: Some("u"), since: 7, since_at_least: 5, ..AnnouncedClient::default() },
        watching.clone(),
    ];
    vec![
        Message::Event(Audience::User("ada").into(), event),
        Message::Event(Addressee { audience: Audience::Client("tab"), owner: Some(Owner::User("ada")) }, plain),
        Message::Event(Addressee { audience: Audience::Client("tab"), owner: Some(Owner::Anonymous) }, plain),
        Message::Event(Audience::Client("tab").into(), event),
        Message::Event(Audience::Channel("tab").into(), event),
        Message::Event(Audience::All { exclude: Some("tab") }.into(), plain),
        Message::Event(Audience::All { exclude: None }.into(), event),
        Message::DisconnectUser("ada", 1_800_000_000_000),
        Message::LogOuts(vec![("ada", 1_800_000_000_000), ("bob", 7)]),
        Message::DisconnectClient("tab"),
        Message::Subscribe(command),
        Message::Subscribe(asked),
        Message::Unsubscribe(SubscriptionCommand { owner: Some(Owner::User("ada")), ..command }),
        Message::Changed(watching),
        Message::Attendance {
            attendee: Attendee { channel, client, user: Some("ada"), data: Some("{}") },
            comes: true,
        },
        Message::Attendance { attendee: Attendee { channel, client, user: None, data: None }, comes: false },
        Message::Lost(7),
        Message::Joined(clients.clone()),
        Message::Left(vec!["a", "b"]),
        Message::SnapshotRequest,
        Message::PresenceSnapshot { first: true, read: 7, clients: clients.clone() },
        Message::PresenceSnapshot { first: false, read: 0, clients },
        Message::Alive(3),
        Message::NodeLeft,
    ]
}

#[test]
fn message_survives_encoding() {
    for message in examples() {
        assert_eq!(Message::decode(&message.encode()), Some(message));
    }
}

#[test]
fn message_is_addressed_to_whom_it_concerns() {
    let client = Address::from(Audience::Client("tab"));
    let (commands, everybody) = (Address::commands(), Address::everybody());
    for message in examples() {
        let expected = match &message {
            Message::Event(to, _) => &to.audience.into(),
            Message::DisconnectUser(..) | Message::LogOuts(_) | Message::Lost(_) => &commands,
            Message::Attendance { attendee, .. } => &Address::attendance(attendee.channel),
            Message::DisconnectClient(_) | Message::Subscribe(_) | Message::Unsubscribe(_) => &client,
            _ => &everybody,
        };
        assert_eq!(&message.record().to, expected, "{message:?}");
    }
}

#[test]
fn truncated_or_newer_message_does_no_harm() {
    for message in examples() {
        let bytes = message.encode();
        for end in 0..bytes.len() {
            let _ = Message::decode(&bytes[..end]);
        }
        let mut other = bytes.to_vec();
        other[0] += 1;
        assert_eq!(Message::decode(&other), None);
    }
}

#[test]
fn field_of_a_later_release_is_skipped() {
    let mut bytes = Message::DisconnectClient("tab").encode().to_vec();
    bytes.splice(2..2, [200, 3, b'n', b'e', b'w']);
    assert_eq!(Message::decode(&bytes), Some(Message::DisconnectClient("tab")));
}

proptest! {
    #[test]
    fn any_event_arrives_as_it_was_encoded(
        user in ".{1,300}", data in ".*", id in proptest::option::of("[!-~]{1,256}"), key in proptest::option::of(".{1,50}"),
    ) {
        let event = Event { name: "n", data: &data, id: id.as_deref(), coalesce_key: key.as_deref(), ..Event::default() };
        let draft = event.encode(1 << 20).unwrap();
        let to = Addressee { audience: Audience::Client("tab"), owner: Some(Owner::User(&user)) };
        let record = event_for(to, event.encode(1 << 20).unwrap());
        let Some(Message::Event(decoded_to, encoded)) = Message::decode(&record.payload) else { panic!("an event") };
        prop_assert_eq!(decoded_to, to);
        prop_assert_eq!(record.to, Address::from(Audience::Client("tab")));
        let epoch = Epoch::random();
        let arrived = encoded.draft(1 << 20).unwrap();
        prop_assert_eq!(arrived.coalesce_key(), draft.coalesce_key());
        prop_assert_eq!(arrived.finish(&epoch, 7).chunk(), draft.finish(&epoch, 7).chunk());
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Message::decode(&bytes);
    }
}
