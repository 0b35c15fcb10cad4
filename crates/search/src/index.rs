//! The index on disk: opening it, writing it, and what of it is kept in memory.

mod schema;
mod tokenizer;
mod words;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::{BookId, BookText};
use storage::FeedPosition;
use tantivy::directory::MmapDirectory;
use tantivy::index::SegmentId;
use tantivy::merge_policy::{LogMergePolicy, NoMergePolicy};
use tantivy::schema::Schema;
use tantivy::{
    IndexReader, IndexWriter, ReloadPolicy, Searcher, SegmentReader, TantivyDocument, Term,
};

use crate::analysis::WORD_MARK;
use crate::error::{ErrorKind, SearchError, while_doing, while_on_disk};
use crate::execute::Kept;
use crate::query::TextField;

pub(crate) use schema::{Facts, Fields, SCHEMA_VERSION, Stored};
pub(crate) use words::{Found as FoundWord, Holds, Place, Words};

/// So many segments of a size are made one. Fewer would write more, more would search slower.
const MERGE_SEGMENTS: usize = 6;

/// An index that is open for writing.
pub(crate) struct Index {
    pub fields: Fields,
    folder: PathBuf,
    index: tantivy::Index,
    writer: IndexWriter,
    reader: IndexReader,
}

/// What is searched: the documents of one commit, and their slots.
#[derive(Clone)]
pub(crate) struct Snapshot {
    pub searcher: Searcher,
    pub fields: Fields,
    /// For each segment, for each document: its slot.
    pub slots: Vec<Arc<[u32]>>,
    /// What was found in the segments and may be wanted again.
    pub kept: Arc<Kept>,
}

impl Index {
    /// Opens the index in a folder; an empty one where there is none, or what is there is damaged or
    /// of another version.
    pub fn open(folder: &Path, memory_bytes: usize) -> Result<Self, SearchError> {
        let found = open_existing(folder)?;
        let index = match found {
            Some(index) => index,
            None => create(folder)?,
        };
        Self::with(folder, index, memory_bytes)
    }

    fn with(
        folder: &Path,
        index: tantivy::Index,
        memory_bytes: usize,
    ) -> Result<Self, SearchError> {
        let (_, fields) = Fields::build();
        let doing = "opening the index";
        schema::register_tokenizers(&index);
        // One thread: so a commit makes one segment, and leaves a core to the searches.
        let writer = index
            .writer_with_num_threads(1, memory_bytes)
            .map_err(while_doing(doing))?;
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()
            .map_err(while_doing(doing))?;
        let index = Self {
            fields,
            folder: folder.to_owned(),
            index,
            writer,
            reader,
        };
        index.keep_merging();
        Ok(index)
    }

    /// Lets segments be merged as they come.
    pub fn keep_merging(&self) {
        let mut policy = LogMergePolicy::default();
        policy.set_min_num_segments(MERGE_SEGMENTS);
        policy.set_del_docs_ratio_before_merge(0.3);
        self.writer.set_merge_policy(Box::new(policy));
    }

    /// Leaves them as they are, while many come that [`Index::merge_all`] makes one in the end. It
    /// can't take one that is being merged.
    pub fn stop_merging(&self) {
        self.writer.set_merge_policy(Box::new(NoMergePolicy));
    }

    /// Forgets what was added and deleted since the last commit, and lets go of merges under way.
    pub fn roll_back(&mut self) -> Result<(), SearchError> {
        self.writer
            .rollback()
            .map_err(while_doing("rolling back to the last commit"))?;
        // The writer is a new one.
        self.keep_merging();
        Ok(())
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn add(&self, slot: u32, book: &BookId, text: &BookText) -> Result<(), SearchError> {
        let document = self.fields.document(slot, book, text);
        self.writer
            .add_document(document)
            .map_err(while_doing("indexing a book"))?;
        Ok(())
    }

    pub fn delete(&self, slot: u32) {
        let term = Term::from_field_u64(self.fields.slot, u64::from(slot));
        self.writer.delete_term(term);
    }

    /// Makes durable what was added and deleted, with the place in the feed that it reflects.
    pub fn commit(&mut self, position: &FeedPosition) -> Result<(), SearchError> {
        let mut prepared = self
            .writer
            .prepare_commit()
            .map_err(while_doing("preparing a commit"))?;
        // A commit without a payload would erase the last one.
        prepared.set_payload(&Payload::now(position.clone()).to_text());
        prepared.commit().map_err(while_doing("committing"))?;
        Ok(())
    }

    /// Makes one segment of all, so that a search need not look into each, and removes the old ones.
    pub fn merge_all(&mut self) -> Result<(), SearchError> {
        let doing = "merging segments";
        let segments = self
            .index
            .searchable_segment_ids()
            .map_err(while_doing(doing))?;
        if segments.len() > 1 {
            self.writer
                .merge(&segments)
                .wait()
                .map_err(while_doing(doing))?;
        }
        self.writer
            .garbage_collect_files()
            .wait()
            .map_err(while_doing(doing))?;
        Ok(())
    }

    /// What was committed last; segments that `before` has are taken from it.
    pub fn snapshot(&self, before: Option<&Snapshot>) -> Result<Snapshot, SearchError> {
        let doing = "reading a commit";
        self.reader.reload().map_err(while_doing(doing))?;
        let searcher = self.reader.searcher();
        let known: HashMap<SegmentId, &Arc<[u32]>> = before
            .into_iter()
            .flat_map(|before| {
                let segments = before.searcher.segment_readers().iter();
                segments.map(SegmentReader::segment_id).zip(&before.slots)
            })
            .collect();
        let slots = searcher.segment_readers().iter().map(|segment| {
            if let Some(slots) = known.get(&segment.segment_id()) {
                return Ok(Arc::clone(slots));
            }
            Ok(read_slots(segment)?.into())
        });
        let slots = slots
            .collect::<Result<_, _>>()
            .map_err(while_doing(doing))?;
        let kept = before.map_or_else(Arc::default, |before| before.kept.clone());
        let segments = searcher.segment_readers().iter();
        kept.retain(&segments.map(SegmentReader::segment_id).collect());
        Ok(Snapshot {
            searcher,
            fields: self.fields,
            slots,
            kept,
        })
    }

    /// Reads all documents, in no order.
    pub fn read_all(&self, mut each: impl FnMut(u32, Stored)) -> Result<(), SearchError> {
        let doing = "reading the index";
        self.reader.reload().map_err(while_doing(doing))?;
        for segment in self.reader.searcher().segment_readers() {
            let store = segment.get_store_reader(1).map_err(while_on_disk(doing))?;
            let slots = read_slots(segment).map_err(while_doing(doing))?;
            let documents = store.iter::<TantivyDocument>(segment.alive_bitset());
            for (number, document) in segment.doc_ids_alive().zip(documents) {
                let document = document.map_err(while_doing(doing))?;
                let stored = self.fields.read(&document);
                let stored = stored.ok_or_else(|| SearchError::new(ErrorKind::Corrupt, doing))?;
                each(slots[number as usize], stored);
            }
        }
        Ok(())
    }
}

impl Snapshot {
    /// The bytes of what it has beside the index's files.
    pub fn memory(&self) -> usize {
        self.slots.iter().map(|slots| 4 * slots.len()).sum()
    }

    /// The words of the segments that `before` has not, with the fields that they are in.
    pub fn new_words(&self, before: Option<&Self>) -> Result<HashMap<String, u8>, SearchError> {
        let doing = "reading the index's words";
        let mut words = HashMap::new();
        let is_known = |segment: &SegmentReader| {
            before.is_some_and(|before| {
                let mut segments = before.searcher.segment_readers().iter();
                segments.any(|known| known.segment_id() == segment.segment_id())
            })
        };
        let mark = WORD_MARK.to_string();
        let behind = char::from(WORD_MARK as u8 + 1).to_string();
        for segment in self.searcher.segment_readers() {
            if is_known(segment) {
                continue;
            }
            for field in TextField::ALL {
                let index = segment
                    .inverted_index(self.fields.text(field))
                    .map_err(while_doing(doing))?;
                let mut terms = index
                    .terms()
                    .range()
                    .ge(&mark)
                    .lt(&behind)
                    .into_stream()
                    .map_err(while_on_disk(doing))?;
                while terms.advance() {
                    let Ok(word) = str::from_utf8(&terms.key()[mark.len()..]) else {
                        continue;
                    };
                    match words.get_mut(word) {
                        Some(fields) => *fields |= field.bit(),
                        None => drop(words.insert(word.to_owned(), field.bit())),
                    }
                }
            }
        }
        Ok(words)
    }
}

/// What a commit says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Payload {
    schema_version: u32,
    /// Where in the feed it is.
    pub position: FeedPosition,
}

impl Payload {
    fn now(position: FeedPosition) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            position,
        }
    }

    fn to_text(&self) -> String {
        format!("{} {}", self.schema_version, self.position)
    }

    fn parse(text: &str) -> Option<Self> {
        let (schema_version, position) = text.split_once(' ')?;
        Some(Self {
            schema_version: schema_version.parse().ok()?,
            position: FeedPosition::new(position),
        })
    }

    /// Of the last commit in a folder; `None` where there is none of ours.
    pub fn of(index: &tantivy::Index) -> Option<Self> {
        Self::parse(&index.load_metas().ok()?.payload?)
    }
}

/// For each document of a segment its slot.
fn read_slots(segment: &SegmentReader) -> tantivy::Result<Vec<u32>> {
    let column = segment.fast_fields().u64(schema::SLOT)?;
    let slots = (0..segment.max_doc())
        .map(|document| column.first(document).unwrap_or(u64::from(u32::MAX)) as u32);
    Ok(slots.collect())
}

/// The index in a folder, if it is whole and of this version.
fn open_existing(folder: &Path) -> Result<Option<tantivy::Index>, SearchError> {
    let doing = "opening the index";
    if !folder.is_dir() {
        return Ok(None);
    }
    let directory = MmapDirectory::open(folder)
        .map_err(|error| SearchError::caused(ErrorKind::Refused, doing, error))?;
    let Ok(index) = tantivy::Index::open(directory) else {
        return Ok(None);
    };
    let (schema, _): (Schema, _) = Fields::build();
    let is_current = Payload::of(&index)
        .is_some_and(|payload| payload.schema_version == SCHEMA_VERSION)
        && index.schema() == schema;
    let is_whole = || {
        index
            .validate_checksum()
            .is_ok_and(|damaged| damaged.is_empty())
    };
    Ok((is_current && is_whole()).then_some(index))
}

fn create(folder: &Path) -> Result<tantivy::Index, SearchError> {
    let doing = "making an index";
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(while_on_disk(doing))?;
    }
    std::fs::create_dir_all(folder).map_err(while_on_disk(doing))?;
    let (schema, _) = Fields::build();
    tantivy::Index::builder()
        .schema(schema)
        .settings(schema::settings())
        .create_in_dir(folder)
        .map_err(while_doing(doing))
}
