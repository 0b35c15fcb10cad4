//! `bookstore import`: lists all books of a book file in one store.
//!
//! One thread reads the file and passes over what the store lists already; the books it finds
//! missing are listed many at once, so that they share transactions. How many, and how many
//! bytes of them, has a limit: memory stays flat however large the file is.

use std::sync::Arc;

use anyhow::Context;
use app::{App, Settings};
use domain::listing::AddListingRefusal;
use domain::{AddListing, BookId, ListingKey, Refused, Request, StoreId};
use storage::{Outcome, Storage, StorageError};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::Verdict;
use crate::book_file::{Book, BookFile, Head};
use crate::cli::ImportArguments;
use crate::clock::SystemClock;
use crate::data;
use crate::output::{grouped, note, say};
use crate::progress::Progress;
use crate::seller::{check_store, make_owner, make_store};
use crate::signals::StopSignals;

/// The books that are under way together have at most so many KiB.
const UNDER_WAY_MAX_KIB: u32 = 32 * 1_024;
/// Each counts as this much at least, so that a batch of 256 is under way at most.
const BOOK_MIN_KIB: u32 = 128;
/// How many rows that need nothing more than counting wait for that.
const FOUND_MAX: usize = 256;
/// How much of an id is shown.
const ID_SHOWN_CHARACTERS: usize = 60;

/// Lists the books, and says how many.
pub async fn run(arguments: &ImportArguments) -> anyhow::Result<Verdict> {
    let file = BookFile::open(&arguments.file)?;
    let total = file.count().context("the book file can't be read")?;
    let clock = Arc::new(SystemClock);
    let storage = data::open(&arguments.data, clock.clone()).await?;
    let app = App::new(storage.clone(), clock, Settings::default()).await?;
    let imported = import(&app, arguments, file, total).await;
    storage
        .close()
        .await
        .context("the data was not closed well")?;
    imported
}

async fn import(
    app: &App,
    arguments: &ImportArguments,
    file: BookFile,
    total: u64,
) -> anyhow::Result<Verdict> {
    check_store(app, &arguments.store, &arguments.owner).await?;
    make_owner(app, &arguments.owner).await?;
    make_store(app, &arguments.store, &arguments.owner).await?;
    let source = Source {
        file,
        storage: app.storage().clone(),
        store: arguments.store.clone(),
        budget: Arc::new(Semaphore::new(UNDER_WAY_MAX_KIB as usize)),
    };
    let mut import = Import::new(app, arguments, total);
    let ended = import.run(source).await;
    import.progress.end();
    import.summarize(&arguments.store);
    let is_interrupted =
        ended.context("the import stopped\nhint: run it again, it adds only what is missing")?;
    if is_interrupted {
        note("interrupted\n  hint: run it again, it adds only what is missing");
    }
    let is_whole = !is_interrupted && import.skipped == 0;
    Ok(if is_whole {
        Verdict::Done
    } else {
        Verdict::FoundProblem
    })
}

/// What the reading thread found in a row.
enum Found {
    /// The store lists it already.
    Present,
    /// It can't be listed: which, and why.
    Bad(String, String),
    /// It is to be listed. Its share of what may be under way is given back when that is done.
    Missing(BookId, Box<Book>, OwnedSemaphorePermit),
}

/// Where books come from.
struct Source {
    file: BookFile,
    storage: Arc<dyn Storage>,
    store: StoreId,
    budget: Arc<Semaphore>,
}

impl Source {
    /// Goes through the file on a thread of its own until its end, or until nobody wants more.
    fn read_all(&self, runtime: &Handle, found: &mpsc::Sender<Found>) -> anyhow::Result<()> {
        let mut after = i64::MIN;
        loop {
            let heads = self
                .file
                .list_heads(after)
                .context("the book file can't be read")?;
            let Some(last) = heads.last() else {
                return Ok(());
            };
            after = last.row;
            for head in heads {
                let row = runtime.block_on(self.find(head))?;
                if found.blocking_send(row).is_err() {
                    return Ok(());
                }
            }
        }
    }

    async fn find(&self, head: Head) -> anyhow::Result<Found> {
        let Head { row, id } = head;
        let id = match id {
            Ok(id) => id,
            Err(reason) => return Ok(Found::Bad(format!("row {row}"), reason)),
        };
        let book = match BookId::new(id.as_str()) {
            Ok(book) => book,
            Err(why) => return Ok(Found::Bad(shown(&id), format!("`id` {why}"))),
        };
        let key = ListingKey {
            store: self.store.clone(),
            book,
        };
        if self.storage.find_listing(&key).await?.is_some() {
            return Ok(Found::Present);
        }
        let read = self.file.read(row).context("the book file can't be read")?;
        match read {
            Ok(book) => {
                let share = self.budget.clone().acquire_many_owned(kib(&book)).await?;
                Ok(Found::Missing(key.book, Box::new(book), share))
            }
            Err(reason) => Ok(Found::Bad(shown(&id), reason)),
        }
    }
}

/// What a book counts of what may be under way.
fn kib(book: &Book) -> u32 {
    let picture = book
        .picture
        .as_ref()
        .map_or(0, |picture| picture.bytes().len());
    let bytes = picture + domain::book::TEXT_MAX_BYTES.min(text_bytes(book));
    u32::try_from(bytes / 1_024)
        .unwrap_or(UNDER_WAY_MAX_KIB)
        .clamp(BOOK_MIN_KIB, UNDER_WAY_MAX_KIB)
}

fn text_bytes(book: &Book) -> usize {
    let fields = book.text.fields();
    let long = [&fields.content, &fields.book_intro, &fields.author_intro];
    long.into_iter().flatten().map(String::len).sum()
}

/// An id as it is shown: short, without what could upset a terminal.
fn shown(id: &str) -> String {
    let start: String = id.chars().take(ID_SHOWN_CHARACTERS).collect();
    let rest = if start.len() < id.len() { "…" } else { "" };
    format!("`{}{rest}`", start.escape_debug())
}

/// One book's way into the store, ended.
type Added = (BookId, Result<Outcome<AddListing>, StorageError>);

/// An import under way.
struct Import<'a> {
    app: &'a App,
    arguments: &'a ImportArguments,
    progress: Progress,
    added: u64,
    present: u64,
    skipped: u64,
    tasks: JoinSet<Added>,
}

impl<'a> Import<'a> {
    fn new(app: &'a App, arguments: &'a ImportArguments, total: u64) -> Self {
        Self {
            app,
            arguments,
            progress: Progress::begin(total, "books"),
            added: 0,
            present: 0,
            skipped: 0,
            tasks: JoinSet::new(),
        }
    }

    /// Lists what the source finds missing. Returns whether it was interrupted.
    async fn run(&mut self, source: Source) -> anyhow::Result<bool> {
        let mut signals = StopSignals::listen()?;
        let (sender, mut found) = mpsc::channel(FOUND_MAX);
        let runtime = Handle::current();
        let reader = tokio::task::spawn_blocking(move || source.read_all(&runtime, &sender));
        let mut ended = loop {
            tokio::select! {
                row = found.recv() => match row {
                    Some(row) => self.take(row),
                    None => break Ok(false),
                },
                Some(task) = self.tasks.join_next() => {
                    if let Err(error) = self.count(task?) {
                        break Err(error);
                    }
                }
                () = signals.next() => break Ok(true),
            }
        };
        // Without anybody to send to, the reader stops; what is under way is finished.
        drop(found);
        while let Some(task) = self.tasks.join_next().await {
            if let (Ok(_), Err(error)) = (&ended, self.count(task?)) {
                ended = Err(error);
            }
        }
        reader.await.context("reading the book file broke off")??;
        ended
    }

    fn take(&mut self, found: Found) {
        match found {
            Found::Present => self.count_present(),
            Found::Bad(which, reason) => self.skip(&which, &reason),
            Found::Missing(id, book, share) => {
                let storage = self.app.storage().clone();
                let operation = self.operation(id.clone(), *book);
                self.tasks.spawn(async move {
                    let outcome = storage::run(&*storage, Request::unproved(operation)).await;
                    drop(share);
                    (id, outcome)
                });
            }
        }
    }

    fn operation(&self, book: BookId, read: Book) -> AddListing {
        AddListing {
            user: self.arguments.owner.clone(),
            key: ListingKey {
                store: self.arguments.store.clone(),
                book,
            },
            text: Arc::new(read.text),
            pictures: read.picture.into_iter().map(Arc::new).collect(),
            price: read.price,
            stock: self.arguments.stock,
        }
    }

    fn count(&mut self, (id, outcome): Added) -> anyhow::Result<()> {
        match outcome? {
            Ok(_) => {
                self.added += 1;
                self.progress.advance(1);
            }
            // The file has the id twice: the first was under way when the second was looked for.
            Err(Refused::Rule(AddListingRefusal::BookExists(_))) => self.count_present(),
            Err(refused) => self.skip(&shown(id.as_str()), &format!("refused: {refused:?}")),
        }
        Ok(())
    }

    fn count_present(&mut self) {
        self.present += 1;
        self.progress.advance(1);
    }

    fn skip(&mut self, which: &str, reason: &str) {
        self.skipped += 1;
        self.progress.note(&format!("skipped {which}: {reason}"));
        self.progress.advance(1);
    }

    fn summarize(&self, store: &StoreId) {
        let [added, present, skipped] = [self.added, self.present, self.skipped].map(grouped);
        let seconds = self.progress.elapsed().as_secs_f32();
        say(&format!(
            "store `{store}`: {added} added, {present} already there, {skipped} skipped ({seconds:.1} s)"
        ));
    }
}
