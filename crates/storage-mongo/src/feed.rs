//! The feed: a change stream over listings and stores, filtered on the server, so that a plain
//! sale sends nothing.
//!
//! What a stream tells is a majority's, in the order of the commits. A place is where a stream
//! stands (the server's resume token), or a moment; before it stands the id that the server gave
//! the collection of listings, by which another deployment's place is known, and one from before
//! the collection was dropped and restored. (Where MongoDB's own files are put back to an earlier
//! state, a place is still good by its time: then search is to be built anew by hand.)
//!
//! On a sharded cluster a change comes once every shard has told that it has nothing older; one
//! that has nothing to do says so every 10 s (`periodicNoopIntervalSecs`).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::ListingKey;
use mongodb::bson::{Bson, Document, Timestamp, doc};
use mongodb::change_stream::ChangeStream;
use mongodb::change_stream::event::ResumeToken;
use mongodb::error::Error;
use serde::Deserialize;
use storage::{ErrorKind, Feed, FeedChange, FeedPosition, StorageError};
use tokio::time::Instant;

use crate::deployment::{Deployment, OPERATION_DEADLINE, in_time, until};
use crate::error::{Stored, code_of, damaged};
use crate::listings::ListingId;
use crate::schema::{LISTINGS, META, STORES};
use crate::values::{read_book, read_store};

const FINDING_END: &str = "finding the feed's end";
const FOLLOWING: &str = "following the feed";
/// How long the server waits for a change where there is none: whoever follows asks again.
const AWAIT_MAX: Duration = Duration::from_millis(1);

/// The fields of a listing that search goes by.
const NEWS: [&str; 5] = ["price", "text", "pictures", "is_listed", "in_stock"];

/// No such place in the history, or not any more: invalid resume token, fatal for the stream,
/// history lost.
const LOST_CODES: [i32; 3] = [260, 280, 286];

/// Where to follow from.
#[derive(Debug, Clone, PartialEq)]
enum Place {
    /// What happened at that moment and later.
    At(Timestamp),
    /// What came behind the change, or the moment, that the server gave that name.
    Behind(String),
}

/// Which collection of listings a place is of: the server gives each one an id of its own.
type Mark = Arc<str>;

fn position(mark: &Mark, place: &Place) -> FeedPosition {
    FeedPosition::new(match place {
        Place::At(Timestamp { time, increment }) => format!("{mark}:at:{time}.{increment}"),
        Place::Behind(token) => format!("{mark}:behind:{token}"),
    })
}

fn parse(position: &FeedPosition) -> Option<(&str, Place)> {
    let (mark, place) = position.as_str().split_once(':')?;
    let place = match place.split_once(':')? {
        ("at", moment) => {
            let (time, increment) = moment.split_once('.')?;
            let (time, increment) = (time.parse().ok()?, increment.parse().ok()?);
            Place::At(Timestamp { time, increment })
        }
        ("behind", token) => Place::Behind(token.to_owned()),
        _ => return None,
    };
    Some((mark, place))
}

/// A change as the server sends it.
#[derive(Debug, Deserialize)]
struct Event {
    #[serde(rename = "ns")]
    namespace: Option<Namespace>,
    #[serde(rename = "documentKey")]
    key: Option<DocumentKey>,
}

#[derive(Debug, Deserialize)]
struct Namespace {
    #[serde(rename = "coll")]
    collection: Option<String>,
}

#[derive(Debug, Deserialize)]
struct DocumentKey {
    #[serde(rename = "_id")]
    id: Bson,
}

impl Event {
    /// What has changed; `None` where it is more than a document: somebody dropped or renamed a
    /// collection.
    fn read(self) -> Stored<Option<FeedChange>> {
        let Some(DocumentKey { id }) = self.key else {
            return Ok(None);
        };
        let collection = self.namespace.and_then(|namespace| namespace.collection);
        match (collection.as_deref(), id) {
            (Some(STORES), Bson::String(id)) => {
                Ok(Some(FeedChange::Store(read_store(id, FOLLOWING)?)))
            }
            (Some(LISTINGS), id) => {
                let ListingId { store, book } = mongodb::bson::deserialize_from_bson(id)
                    .map_err(|_| damaged("listing's id", FOLLOWING))?;
                let store = read_store(store, FOLLOWING)?;
                let book = read_book(book, FOLLOWING)?;
                Ok(Some(FeedChange::Listing(ListingKey { store, book })))
            }
            _ => Err(damaged("change", FOLLOWING)),
        }
    }
}

/// What the server lets through: of a listing's updates those that set a field that search goes by
/// to something else (setting it to the same is nothing to the server). Whatever else is done to a
/// collection, by hand or by another program, comes through too.
fn pipeline() -> [Document; 2] {
    let has_changed = |field: &str| {
        let field = format!("updateDescription.updatedFields.{field}");
        doc! { field: { "$exists": true } }
    };
    // A listing that is new, gone or replaced, or whose update sets one of these.
    let mut is_news = vec![doc! { "operationType": { "$ne": "update" } }];
    is_news.extend(NEWS.map(has_changed));
    // A new store has nothing yet.
    let is_closed = vec![
        doc! { "operationType": { "$nin": ["insert", "update"] } },
        has_changed("is_open"),
    ];
    // The server asks this of each write of each transaction. So each collection is named once:
    // what is in neither costs two comparisons, and a third less than with a list of five.
    let is_change = vec![
        doc! { "operationType": { "$in": ["dropDatabase", "invalidate"] } },
        doc! { "ns.coll": LISTINGS, "$or": is_news },
        doc! { "ns.coll": STORES, "$or": is_closed },
    ];
    [
        doc! { "$match": { "$or": is_change } },
        doc! { "$project": { "operationType": 1, "ns": 1, "documentKey": 1 } },
    ]
}

/// A stream and where it stands.
struct Open {
    mark: Mark,
    place: Place,
    stream: ChangeStream<Event>,
}

/// What one reading of a stream came to.
enum Read {
    Changes(Vec<Event>, Open),
    Lost,
}

impl Open {
    /// Opens a stream; `None` where there is no such place.
    async fn at(deployment: &Deployment, mark: &str, place: Place) -> Result<Option<Self>, Error> {
        let here = self::mark(deployment).await?;
        if here.as_deref() != Some(mark) {
            return Ok(None);
        }
        let mut watch = deployment
            .database
            .watch()
            .pipeline(pipeline())
            .max_await_time(AWAIT_MAX);
        watch = match &place {
            Place::At(time) => watch.start_at_operation_time(*time),
            Place::Behind(token) => {
                let token = doc! { "_data": token };
                watch.resume_after(mongodb::bson::deserialize_from_document::<ResumeToken>(
                    token,
                )?)
            }
        };
        let stream = watch.await?.with_type::<Event>();
        let mark = mark.into();
        Ok(Some(Self {
            mark,
            place,
            stream,
        }))
    }

    async fn read(mut self, limit: u32) -> Result<Read, Error> {
        let mut events = Vec::new();
        while events.len() < limit as usize
            && let Some(event) = self.stream.next_if_any().await?
        {
            events.push(event);
        }
        if let Some(token) = self.stream.resume_token() {
            self.place = Place::Behind(read_token(&token)?);
        }
        Ok(Read::Changes(events, self))
    }
}

fn read_token(token: &ResumeToken) -> Result<String, Error> {
    let token = mongodb::bson::serialize_to_document(token)?;
    let text = token.get_str("_data");
    text.map(str::to_owned).map_err(Error::custom)
}

/// The id of the collection of listings; `None` where there is none any more.
async fn mark(deployment: &Deployment) -> Result<Option<Mark>, Error> {
    let listing = deployment.database.list_collections();
    let mut found = listing.filter(doc! { "name": LISTINGS }).await?;
    if !found.advance().await? {
        return Ok(None);
    }
    let id = found.deserialize_current()?.info.uuid;
    Ok(id.map(|id| hexadecimal(&id.bytes).into()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a failure of a stream means: that its place is lost, or really a failure.
fn or_lost(read: Result<Read, Error>) -> Result<Read, Error> {
    match read {
        Err(error) if code_of(&error).is_some_and(|code| LOST_CODES.contains(&code)) => {
            Ok(Read::Lost)
        }
        read => read,
    }
}

/// The streams of this process: the last one is kept, for whoever follows on from where it stands.
#[derive(Default)]
pub(crate) struct Follower {
    kept: Mutex<Option<Open>>,
}

impl Follower {
    fn take(&self, mark: &str, place: &Place) -> Option<Open> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.take_if(|open| *open.mark == *mark && open.place == *place)
    }

    fn keep(&self, open: Open) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some(open);
    }

    /// Lets go of the stream.
    pub(crate) fn close(&self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        drop(kept.take());
    }

    pub(crate) async fn follow(
        &self,
        deployment: &Deployment,
        after: &FeedPosition,
        limit: u32,
    ) -> Stored<Feed> {
        let Some((mark, place)) = parse(after) else {
            return Ok(Feed::Lost);
        };
        let deadline = Instant::now() + OPERATION_DEADLINE;
        if let Some(open) = self.take(mark, &place) {
            let reading = async { or_lost(open.read(limit).await) };
            // The driver has tried to go on where that can help, as after an election. What else
            // may be wrong with this stream, a new one may not have.
            if let Ok(read) = until(deadline, FOLLOWING, reading).await {
                return self.finish(read);
            }
        }
        let reading = async {
            let read = match Open::at(deployment, mark, place).await {
                Ok(Some(open)) => open.read(limit).await,
                Ok(None) => Ok(Read::Lost),
                Err(error) => Err(error),
            };
            or_lost(read)
        };
        self.finish(until(deadline, FOLLOWING, reading).await?)
    }

    fn finish(&self, read: Read) -> Stored<Feed> {
        let Read::Changes(events, open) = read else {
            return Ok(Feed::Lost);
        };
        let changes: Stored<Option<Vec<FeedChange>>> =
            events.into_iter().map(Event::read).collect::<Stored<_>>();
        let Some(changes) = changes? else {
            return Ok(Feed::Lost);
        };
        let end = position(&open.mark, &open.place);
        self.keep(open);
        Ok(Feed::Changes { changes, end })
    }
}

/// The moment behind the last one of which the primary knows that it is a majority's: every
/// answered commit is one. On a sharded cluster another shard may be further; what it has beyond
/// that moment comes once more.
pub(crate) async fn end(deployment: &Deployment) -> Stored<FeedPosition> {
    let (mark, last) = in_time(FINDING_END, async {
        let mark = mark(deployment).await?;
        let mut session = deployment.question().await?;
        let meta = deployment.asked::<Document>(META);
        let asking = meta.find_one(doc! {}).max_time(OPERATION_DEADLINE);
        asking.session(&mut session).await?;
        // From here on a question waits until what is before that moment can be seen.
        deployment.note_commit(&session);
        Ok((mark, session.operation_time()))
    })
    .await?;
    let (Some(mark), Some(Timestamp { time, increment })) = (mark, last) else {
        return Err(StorageError::new(ErrorKind::Internal, FINDING_END));
    };
    let increment = increment.saturating_add(1);
    Ok(position(&mark, &Place::At(Timestamp { time, increment })))
}
