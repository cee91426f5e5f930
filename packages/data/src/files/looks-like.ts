// What a file that is not what it should be looks like.

/** As the end of a sentence; empty where `bytes`, a file's first, look like nothing known. */
export function looksLike(bytes: Uint8Array): string {
  const begin = String.fromCharCode(...bytes.subarray(0, 200));
  if (begin.startsWith("PK\x03\x04")) return "; it looks like a ZIP archive or a spreadsheet: unpack or export it first";
  if (/^\s*</.test(begin)) return "; it looks like a web page: the download brought an error page instead of the file";
  if (begin.startsWith("version https://git-lfs")) return "; it is a Git LFS pointer: fetch the file itself with git lfs pull";
  if (/^(\xff\xfe|\xfe\xff)/.test(begin)) return "; it looks like UTF-16";
  if (begin.startsWith("\x89PNG") || begin.startsWith("\xff\xd8\xff")) return "; it looks like a single image";
  if (begin.startsWith("\x93NUMPY")) return "; it looks like an npy file";
  if (begin.startsWith("PAR1")) return "; it looks like a Parquet file";
  if (begin.startsWith("ARROW1")) return "; it looks like an Arrow file";
  if (begin.startsWith("\x1f\x8b")) return "; it looks like a gzip file";
  return "";
}
