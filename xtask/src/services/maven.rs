//! Java libraries from Maven Central, fetched once.

use super::packages;
use crate::tools::{cache, run};
use anyhow::Result;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Libraries, and the folder of the cache that they are kept in.
pub(super) struct Libraries {
    pub(super) folder: &'static str,
    pub(super) group: &'static str,
    pub(super) artifacts: &'static [&'static str],
    pub(super) version: &'static str,
    /// Whether what they depend on is fetched, too.
    pub(super) transitive: bool,
}

impl Libraries {
    /// The folder of the jars.
    pub(super) fn jars(&self) -> PathBuf {
        cache().join(self.folder).join("jars")
    }

    /// Whether they are there.
    pub(super) fn is_there(&self) -> bool {
        let marker = fs::read_to_string(cache().join(self.folder).join("version"));
        marker.is_ok_and(|version| version == self.version)
    }

    /// The folder of the jars, which are fetched unless they are there.
    pub(super) fn fetch(&self) -> Result<PathBuf> {
        packages::ensure(&["java", "mvn"], &["default-jre-headless", "maven"])?;
        if self.is_there() {
            return Ok(self.jars());
        }
        let folder = cache().join(self.folder);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("pom.xml"), self.project())?;
        run(Command::new("mvn")
            .args(["--quiet", "--batch-mode", "dependency:copy-dependencies", "-DincludeScope=runtime"])
            .arg(format!("-DoutputDirectory={}", self.jars().display()))
            .current_dir(&folder))?;
        fs::write(folder.join("version"), self.version)?;
        Ok(self.jars())
    }

    /// A project of Maven's that depends on them.
    fn project(&self) -> String {
        let exclusions = match self.transitive {
            true => "",
            false => {
                "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>"
            }
        };
        let (group, version) = (self.group, self.version);
        let dependency = |artifact: &&str| {
            format!(
                "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>{exclusions}</dependency>"
            )
        };
        let dependencies: String = self.artifacts.iter().map(dependency).collect();
        format!(
            "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
             <groupId>provender</groupId><artifactId>services</artifactId><version>1</version>\
             <dependencies>{dependencies}</dependencies></project>\n"
        )
    }
}
