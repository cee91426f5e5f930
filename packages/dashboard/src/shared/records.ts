// msgpackr records, as the coordinator packs them.
import type { WatchRecord, WatchRequest } from "@tabgrad/core";
import { Packr } from "msgpackr";

const packr = new Packr({ useRecords: false });

export const pack = (request: WatchRequest): Uint8Array<ArrayBuffer> => new Uint8Array(packr.pack(request));

export const unpack = (data: ArrayBuffer): WatchRecord => packr.unpack(new Uint8Array(data)) as WatchRecord;
