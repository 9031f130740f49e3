//! Gets one file from an index, verified, out of whichever mirror has it.
//!
//! ```console
//! $ cargo run -p stratheal-examples --bin fetch -- https://packages.example.com/simple/ six [MIRROR...]
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it finds")]

use std::error::Error;

use stratheal_core::fetch::{Fetcher, FileRequest};
use stratheal_core::index::{Chain, Member, ProjectName, Source, Trust};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let index = arguments.next().ok_or("name an index, a project, and mirrors")?;
    let project: ProjectName = arguments.next().ok_or("name a project")?.parse()?;

    // One source: the index and its mirrors hold the same content.
    let mut members = Vec::new();
    for url in std::iter::once(index).chain(arguments) {
        members.push(Member { url: url.parse()?, trust: Trust::Pages });
    }
    let source = Source { name: "default".to_owned(), members, only: Vec::new(), immutable: true };
    let cache = std::env::var_os("CACHE").map_or_else(|| std::env::temp_dir().join("stratheal-example"), Into::into);
    let fetcher = Fetcher::builder(Chain { sources: vec![source] }, cache).build()?;

    let page = fetcher.page(&project).await?;
    let file = page.page.files.last().ok_or("the project has no files")?.clone();
    let got = fetcher.file(&FileRequest { source: page.source, project, file }).await?;
    println!("{} bytes, sha256 {}, {:?}", got.size, got.id, got.origin);
    println!("{}", got.path.display());
    Ok(())
}
