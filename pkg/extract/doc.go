// Package extract prepares the data of one tile: for each of its sub-tiles it
// copies the quadrants that lie under it, selects the rows of the catalogues,
// and describes both in manifests.
//
// Pixels are copied, never interpreted: every HDU arrives byte for byte, header,
// data and padding, behind the primary HDU of its file. A source file is read
// once for all sub-tiles that need it, in one request per run of neighbouring
// HDUs, and streams through memory that all of its copies share; nothing is
// staged. Reads are pinned to the ETags of the index, and every HDU is held to
// its name, type and size. Where the index, which has not read all headers,
// presumed wrongly, the file's HDUs are looked up; an outdated index is an error
// and never a wrong copy.
//
// Where the store of the products holds the sources too, it can copy most bytes by
// itself (Job.Copy); what passes through this process is held to CHECKSUM and
// DATASUM where HDUs have them. Files are copied side by side as far as the link
// makes use of it.
//
// Memory is bounded by what package objstore lets a process hold of bytes on
// their way, and a part of an upload for each file that is copied; an open copy
// holds nothing between its HDUs, where they are as large as a part. It is open
// only while the source passes the quadrants that it takes.
//
// A sub-tile's manifest_local.yaml is written after everything else: where it
// stands, the directory is whole. The same inputs give the same bytes.
package extract
