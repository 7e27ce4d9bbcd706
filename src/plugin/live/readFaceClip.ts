/**
 * Files of face performances: Live Link Face's CSV and its kin, Audio2Face's JSON and CSV, Azure's blend shapes, tables
 * of 52 numbers, MediaPipe's results. What a column means is told by its name (`faceColumns.ts`); docs/live.md lists the
 * layouts.
 */
import { FlexAvatarError } from "../../flame/error.js";
import { ArkitNames } from "../../flame/expression.js";
import { ReadAzureFrames } from "./azureFrames.js";
import { ColumnValues, CreateSlots, WriteColumnsToFrame } from "./columnValues.js";
import { FaceClip } from "./faceClip.js";
import { TakeFlameFrame, type FlameHeadTurn } from "./flameColumns.js";
import { FaceClipFromJson, IsFaceClipJson } from "./faceClipJson.js";
import { CreateFaceFrame, FaceJointNames } from "./faceSource.js";
import { FindColumn, FirstAngle } from "./faceColumns.js";
import { ReadResult } from "./faceResults.js";
import type { FlameFaceMap } from "../../runtime/flame/flameFaceMap.js";
import { MiddleRotation, ReadFlameSequence } from "../../runtime/flame/flameSequence.js";
import { FetchFileAsync } from "../../runtime/models/fetchFile.js";
import { IsZip } from "../../runtime/format/zipReader.js";

/** Settings of {@link ParseFaceClip}. A field left undefined keeps its default. */
export interface IFaceClipSettings {
    /** Name of the clip. Default "face". */
    name?: string;
    /** Frames per second, where the file says no times. Default: what the file says, else 30; 60 for Live Link Face. */
    frameRate?: number;
    /** Names of the columns of tables without a header. Default: {@link ArkitNames}, in Apple's order. */
    names?: readonly string[];
    /** What angles of head and eyes are multiplied with to be radians. Default 1, as in Live Link Face's files. */
    angleScale?: number;
    /**
     * What FLAME's coefficients mean, for `.npz` files of trackers of FLAME: from `LoadFlameFaceMapAsync`. Default: none,
     * and such a file is refused.
     */
    flame?: FlameFaceMap;
    /**
     * For sequences of FLAME: how the head turns. `"relative"` measures from the middle of the sequence, because
     * trackers have worlds of their own; `"absolute"` takes the file's rotation as it is; `"none"` leaves the head to
     * others. Default "relative".
     */
    flameHead?: FlameHeadTurn;
}

/** One frame as a file has it. */
interface IRow {
    /** Seconds, or NaN. */
    time: number;
    values: ReadonlyMap<string, number>;
}

interface ITable {
    rows: IRow[];
    /** 0 where the file does not say. */
    frameRate: number;
    /** Names of what was passed over before there were columns. */
    unknown?: readonly string[];
    /** See `FaceClip.residual`. */
    residual?: number;
}

/** The usual ones, to find out what the frames of a timecode mean. */
const FrameRates = [24, 25, 30, 48, 50, 60, 90, 100, 120];
const TimeName =
    /^(?:time|timecode|time_?code|timestamp|t|seconds|sec|time_?s|time_?ms|timestamp_?ms|ms|milliseconds)$/i;
/** Above this a weight is a percentage for certain. */
const SurelyPercent = 10;

/**
 * Reads a performance from a file.
 * @param source text or bytes of the file, or what `JSON.parse` made of it
 * @param settings name, frame rate, names of columns, and what FLAME's coefficients mean
 * @throws FlexAvatarError `file-format` if it is none, `clip-empty` if no column means anything here,
 * `invalid-argument` for a sequence of FLAME without `flame`, `pickle-refused`
 */
export function ParseFaceClip(
    source: string | ArrayBuffer | ArrayBufferView | object,
    settings: IFaceClipSettings = {},
): FaceClip {
    const { name = "face", names = ArkitNames, angleScale = 1 } = settings;
    const zip = ZipOf(source);
    const data = zip ?? TextOf(source);
    const own = zip ? null : OwnJson(data);
    if (own) {
        return new FaceClip({ ...FaceClipFromJson(own), ...(settings.name ? { name: settings.name } : {}) });
    }
    const table = zip ? ParseFlame(zip, settings) : ParseTable(data, names);
    if (table.rows.length === 0) {
        throw NotAClip("it has no frames");
    }
    const frameRate = settings.frameRate ?? (table.frameRate || 30);
    if (!(frameRate > 0 && frameRate <= 1000)) {
        throw new FlexAvatarError("invalid-argument", `frameRate is ${String(frameRate)}, wanted 0 to 1000.`);
    }
    return ClipOfRows(name, table, TimesOf(table.rows, frameRate), angleScale);
}

/**
 * Fetches and reads a performance.
 * @param source address, or the file
 * @throws FlexAvatarError as {@link ParseFaceClip}, and `file-missing` and `policy-refused` if it does not come
 */
export async function LoadFaceClipAsync(
    source: string | URL | Blob,
    settings: IFaceClipSettings = {},
): Promise<FaceClip> {
    if (source instanceof Blob) {
        return ParseFaceClip(await source.arrayBuffer(), settings);
    }
    return ParseFaceClip(await FetchFileAsync(source, "the face performance"), settings);
}

function NotAClip(why: string, cause?: unknown): FlexAvatarError {
    return new FlexAvatarError("file-format", `This is no face performance that can be read: ${why}.`, { cause });
}

function ParseTable(data: string | object, names: readonly string[]): ITable {
    return typeof data === "string" ? ParseText(data, names) : ParseJson(data, names);
}

/** The bytes of a zip, or null for what is none. */
function ZipOf(source: unknown): Uint8Array | null {
    const bytes = BytesOf(source);
    return bytes && IsZip(bytes) ? bytes : null;
}

function BytesOf(source: unknown): Uint8Array | null {
    if (source instanceof ArrayBuffer) {
        return new Uint8Array(source);
    }
    return ArrayBuffer.isView(source) ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength) : null;
}

function ParseFlame(bytes: Uint8Array, { flame, flameHead = "relative" }: IFaceClipSettings): ITable {
    if (!flame) {
        throw new FlexAvatarError("invalid-argument", "This file is a zip, as sequences of FLAME's coefficients are.", {
            advice: "Pass { flame: await LoadFlameFaceMapAsync(yourFlameFile) } with it; docs/flame.md shows how.",
        });
    }
    const sequence = ReadFlameSequence(bytes);
    const { frames, times } = sequence;
    const rest = { relative: MiddleRotation(frames), absolute: Upright, none: null }[flameHead];
    let squares = 0;
    const rows = frames.map((frame, at): IRow => {
        const values = new Map<string, number>();
        squares += TakeFlameFrame(flame, frame, rest, (name, value) => values.set(name, value)) ** 2;
        return { time: times?.[at] ?? NaN, values };
    });
    return { ...sequence, rows, residual: Math.sqrt(squares / rows.length) };
}

const Upright = Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);

function TextOf(source: string | ArrayBuffer | ArrayBufferView | object): string | object {
    if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) {
        return new TextDecoder().decode(source);
    }
    return source;
}

/** What `FaceClip.toJson` wrote, or null. */
function OwnJson(data: string | object): object | null {
    if (typeof data !== "string") {
        return IsFaceClipJson(data) ? data : null;
    }
    if (!/^\uFEFF?\s*\{/.test(data)) {
        return null;
    }
    try {
        const json = JSON.parse(data) as object;
        return IsFaceClipJson(json) ? json : null;
    } catch {
        return null;
    }
}

function ParseText(text: string, names: readonly string[]): ITable {
    const clean = text.replace(/^\uFEFF/, "").trim();
    if (/^[[{]/.test(clean)) {
        try {
            return ParseJson(JSON.parse(clean) as object, names);
        } catch (cause) {
            if (cause instanceof FlexAvatarError) {
                throw cause;
            }
            const lines = clean.split(/\r?\n/).filter((line) => line.trim().length > 0);
            try {
                return ParseJson(
                    lines.map((line) => JSON.parse(line) as unknown),
                    names,
                );
            } catch {
                throw NotAClip("its JSON is damaged", cause);
            }
        }
    }
    return ParseCsv(clean, names);
}

function ParseCsv(text: string, names: readonly string[]): ITable {
    const lines = text.split(/\r?\n/).filter((line) => line.trim().length > 0 && !line.startsWith("#"));
    const separator = [",", ";", "\t"].find((one) => (lines[0] ?? "").split(one).length > 2);
    if (!separator) {
        throw NotAClip("its first line has no columns");
    }
    const cellsOf = (line: string): string[] => line.split(separator).map((cell) => cell.trim().replace(/^"|"$/g, ""));
    const first = cellsOf(lines[0]);
    const hasHeader = first.some((cell) => /[a-z]/i.test(cell) && Number.isNaN(Number(cell)));
    const header = hasHeader ? first : NumberedHeader(first.length, names);
    const timeAt = header.findIndex((cell) => TimeName.test(cell));
    const rows = lines.slice(hasHeader ? 1 : 0).map((line) => {
        const cells = cellsOf(line);
        const values = new Map<string, number>();
        header.forEach((column, at) => {
            if (at !== timeAt && column !== "" && cells[at] !== "") {
                values.set(column, NumberOf(cells[at], separator));
            }
        });
        return { time: NaN, values, timeCell: timeAt < 0 ? "" : (cells[timeAt] ?? "") };
    });
    const isTimecode = rows.some(({ timeCell }) => timeCell.includes(":"));
    const frameRate = isTimecode ? ReadTimecodes(rows) : 0;
    if (!isTimecode) {
        rows.forEach((row) => (row.time = row.timeCell === "" ? NaN : NumberOf(row.timeCell, separator)));
        InSeconds(rows, timeAt < 0 ? "" : header[timeAt]);
    }
    return { rows, frameRate };
}

/** Where commas are decimal, semicolons separate. */
function NumberOf(cell: string, separator: string): number {
    return cell === undefined ? NaN : Number(separator === "," ? cell : cell.replace(",", "."));
}

/** Tables of numbers alone: the weights, perhaps with a time in front, or with Live Link Face's angles behind. */
function NumberedHeader(count: number, names: readonly string[]): string[] {
    if (count === names.length + 1) {
        return ["time", ...names];
    }
    if (count < names.length) {
        throw NotAClip(`its lines have ${count} numbers and no header, wanted ${names.length}`);
    }
    return [...names, ...AngleColumns, ...new Array<string>(count).fill("")].slice(0, count);
}

const AngleColumns = ["Head", "LeftEye", "RightEye"].flatMap((part) =>
    ["Yaw", "Pitch", "Roll"].map((angle) => part + angle),
);

/** Hours, minutes, seconds and frames, perhaps with parts of a frame. @returns the frame rate they tell, or 0 */
function ReadTimecodes(rows: (IRow & { timeCell: string })[]): number {
    const codes = rows.map(({ timeCell }) => timeCell.split(/[:;]/).map(Number));
    const most = codes.reduce((largest, code) => Math.max(largest, code.length > 3 ? Math.floor(code[3]) : 0), 0);
    // Seconds that were counted to their end tell the rate. Else it is that of the app.
    const seconds = new Set(codes.map((code) => code.slice(0, 3).join(":"))).size;
    const rate = seconds > 1 ? (FrameRates.find((one) => one > most) ?? most + 1) : most < 60 ? 60 : most + 1;
    let day = 0;
    let before = -Infinity;
    rows.forEach((row, index) => {
        const [hours = 0, minutes = 0, whole = 0, frames = 0] = codes[index];
        const time = 3600 * hours + 60 * minutes + whole + frames / rate;
        day += time + day < before - 43200 ? 86400 : 0; // past midnight
        row.time = before = time + day;
    });
    return rate;
}

/** Milliseconds are told by the name of the column, or by steps longer than a second from frame to frame. */
function InSeconds(rows: IRow[], timeName: string): void {
    const steps = rows.slice(1).map(({ time }, index) => time - rows[index].time);
    const middle = steps.sort((a, b) => a - b)[steps.length >> 1] ?? 0;
    if (/ms$|milliseconds/i.test(timeName) || middle > 2) {
        rows.forEach((row) => (row.time /= 1000));
    }
}

/** Times that ascend, from 0; where they do not, the frame rate's. */
function TimesOf(rows: readonly IRow[], frameRate: number): Float64Array {
    const ascends = rows.every(({ time }, index) => index === 0 || time >= rows[index - 1].time);
    const moves = rows.length < 2 || rows[rows.length - 1].time > rows[0].time;
    return Float64Array.from(rows, ({ time }, index) => (ascends && moves ? time - rows[0].time : index / frameRate));
}

type Json = Readonly<Record<string, unknown>>;

function ParseJson(json: object, names: readonly string[]): ITable {
    const azure = ReadAzureFrames(json);
    if (azure) {
        return { rows: azure, frameRate: 0 };
    }
    const list = json as Json;
    const matrix = list.weightMat ?? list.bsWeights;
    const own = list.facsNames ?? list.names ?? list.blendshapeNames ?? list.blendShapeNames ?? list.channels;
    const metadata = (list.metadata ?? {}) as Json;
    const columns = own ?? metadata.blendshapeNames ?? names;
    if (!IsTexts(columns)) {
        throw NotAClip("its names are no list of texts");
    }
    const frameRate = Number(list.exportFps ?? list.fps ?? list.frameRate ?? metadata.fps ?? metadata.frameRate ?? 0);
    const frames = Array.isArray(json) ? json : (matrix ?? list.frames ?? list.results ?? list.data);
    if (!Array.isArray(frames)) {
        throw NotAClip("it has neither weightMat nor frames");
    }
    const rows = frames.map((frame) => {
        const values = new Map<string, number>();
        const time = ReadResult(frame, columns, (name, value) => values.set(name, value));
        if (time === null) {
            throw NotAClip(`its frame ${JSON.stringify(frame)?.slice(0, 60)} is none`);
        }
        return { time, values };
    });
    InSeconds(rows, "");
    return { rows, frameRate: frameRate > 0 ? frameRate : 0 };
}

function IsTexts(value: unknown): value is readonly string[] {
    return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function ClipOfRows(
    name: string,
    { rows, unknown: passedOver = [], residual = 0 }: ITable,
    times: Float64Array,
    angleScale: number,
): FaceClip {
    const columns = new ColumnValues();
    const { values, says } = CreateSlots();
    const frame = CreateFaceFrame();
    const kept = Array.from(rows.keys()).filter((at) => at === 0 || times[at] > times[at - 1]);
    const data = {
        name,
        times: Float64Array.from(kept, (at) => times[at]),
        weights: new Float32Array(kept.length * ArkitNames.length),
        says: new Uint8Array(ArkitNames.length),
        turns: new Float32Array(kept.length * 4 * FaceJointNames.length),
        saysTurns: new Uint8Array(FaceJointNames.length),
        lift: new Float32Array(3 * kept.length),
    };
    const percent = LargestWeight(rows) > SurelyPercent ? 0.01 : 1;
    kept.forEach((row, at) => {
        for (const [column, value] of rows[row].values) {
            columns.set(column, IsAngle(column) ? value * angleScale : value * percent);
        }
        columns.composeToRef(values, says);
        WriteColumnsToFrame(values, says, frame);
        data.weights.set(frame.weights, at * ArkitNames.length);
        data.turns.set(frame.turns, at * frame.turns.length);
        frame.says.forEach((share, index) => (data.says[index] ||= share > 0 ? 1 : 0));
        frame.saysTurns.forEach((share, index) => (data.saysTurns[index] ||= share > 0 ? 1 : 0));
    });
    const unknown = [...passedOver, ...columns.unknown];
    if (!data.says.includes(1) && !data.saysTurns.includes(1)) {
        throw new FlexAvatarError(
            "clip-empty",
            `No column of "${name}" means anything to a face: ${unknown.join(", ")}.`,
        );
    }
    return new FaceClip({ ...data, unknown, residual });
}

function IsAngle(column: string): boolean {
    return (FindColumn(column)?.parts ?? []).some(({ slot }) => slot >= FirstAngle);
}

function LargestWeight(rows: readonly IRow[]): number {
    const isWeight = new Map<string, boolean>();
    let most = 0;
    for (const { values } of rows) {
        for (const [column, value] of values) {
            const known =
                isWeight.get(column) ?? (FindColumn(column)?.parts ?? []).some(({ slot }) => slot < FirstAngle);
            isWeight.set(column, known);
            most = known && value > most ? value : most;
        }
    }
    return most;
}
