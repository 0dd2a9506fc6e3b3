//! The messages of `proto/hook.proto`, field by field.

use std::collections::BTreeMap;

/// What a hook is asked or told.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HookRequest {
    #[prost(string, tag = "1")]
    pub(crate) r#type: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) event: Option<Event>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Event {
    #[prost(message, optional, tag = "1")]
    pub(crate) upload: Option<FileInfo>,
    #[prost(message, optional, tag = "2")]
    pub(crate) http_request: Option<HttpRequest>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct FileInfo {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    #[prost(int64, tag = "2")]
    pub(crate) size: i64,
    #[prost(bool, tag = "3")]
    pub(crate) size_is_deferred: bool,
    #[prost(int64, tag = "4")]
    pub(crate) offset: i64,
    #[prost(btree_map = "string, string", tag = "5")]
    pub(crate) meta_data: BTreeMap<String, String>,
    #[prost(bool, tag = "6")]
    pub(crate) is_partial: bool,
    #[prost(bool, tag = "7")]
    pub(crate) is_final: bool,
    #[prost(string, repeated, tag = "8")]
    pub(crate) partial_uploads: Vec<String>,
    #[prost(btree_map = "string, string", tag = "9")]
    pub(crate) storage: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HttpRequest {
    #[prost(string, tag = "1")]
    pub(crate) method: String,
    #[prost(string, tag = "2")]
    pub(crate) uri: String,
    #[prost(string, tag = "3")]
    pub(crate) remote_addr: String,
    #[prost(btree_map = "string, string", tag = "4")]
    pub(crate) header: BTreeMap<String, String>,
}

/// What a hook answers.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HookResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) http_response: Option<HttpResponse>,
    #[prost(bool, tag = "2")]
    pub(crate) reject_upload: bool,
    #[prost(bool, tag = "3")]
    pub(crate) stop_upload: bool,
    #[prost(message, optional, tag = "4")]
    pub(crate) change_file_info: Option<FileInfoChanges>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HttpResponse {
    #[prost(int64, tag = "1")]
    pub(crate) status_code: i64,
    #[prost(btree_map = "string, string", tag = "2")]
    pub(crate) header: BTreeMap<String, String>,
    #[prost(string, tag = "3")]
    pub(crate) body: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct FileInfoChanges {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    #[prost(btree_map = "string, string", tag = "2")]
    pub(crate) meta_data: BTreeMap<String, String>,
    #[prost(btree_map = "string, string", tag = "3")]
    pub(crate) storage: BTreeMap<String, String>,
}
