//! The behaviour of a hub.
#![cfg(test)]

mod attendance;
mod channel_history;
mod channels;
mod chaos;
mod client_ids;
mod cluster;
mod cluster_channels;
mod cluster_moves;
mod cluster_outage;
mod cluster_owners;
mod contract;
mod delivery;
mod disconnects;
mod drain;
mod encoding;
mod faults;
mod flush;
mod follow;
mod heartbeat;
mod history;
mod isolation;
mod keys;
mod lag;
mod limits;
mod metrics;
mod opening;
mod positions;
mod presence;
mod publish_races;
mod ready;
mod resume;
mod resume_carriers;
mod slow_readers;
mod streams;
mod unread;
