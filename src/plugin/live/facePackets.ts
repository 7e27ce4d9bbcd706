/** Packets of face trackers as a user's socket hands them over: Live Link Face, OSC, iFacialMocap. */
import { ArkitNames } from "../../flame/expression.js";
import type { TakeValue } from "./faceResults.js";

/** Columns of a Live Link Face packet, in its order. */
export const LiveLinkNames: readonly string[] = [
    ...ArkitNames,
    ...["Head", "LeftEye", "RightEye"].flatMap((part) => ["Yaw", "Pitch", "Roll"].map((angle) => part + angle)),
];

const LiveLinkVersion = 6;
/** Weights of iFacialMocap and its kin: a name, `-` or `&`, a percentage. */
const MocapWeight = /^(\w+)[-&](-?\d+(?:\.\d+)?)$/;
/** Their turns: degrees about x, y and z, and of the head its place behind them. */
const MocapTurn = /^=?(head|rightEye|leftEye)#(.*)$/;
/** Bundles of OSC in each other. No sender has two. */
const MostNested = 8;

/**
 * Reads a packet of Epic's Live Link Face: version, device, subject, frame time, number of values, values.
 * @param bytes of one packet
 * @param take is told each value
 * @returns the frame's time in seconds, or NaN if the packet is none or broken; then nothing was told
 */
export function ReadLiveLinkPacket(bytes: DataView, take: TakeValue): number {
    let at = 1;
    for (let text = 0; text < 2; text++) {
        if (at + 4 > bytes.byteLength) {
            return NaN;
        }
        const length = bytes.getInt32(at);
        if (length < 0 || length > 1024) {
            return NaN;
        }
        at += 4 + length;
    }
    if (bytes.byteLength < at + 17 || bytes.getUint8(0) !== LiveLinkVersion) {
        return NaN;
    }
    const frame = bytes.getInt32(at) + bytes.getFloat32(at + 4);
    const rate = bytes.getInt32(at + 8) / bytes.getInt32(at + 12);
    const count = bytes.getUint8(at + 16);
    const first = at + 17;
    if (count < ArkitNames.length || count > LiveLinkNames.length || bytes.byteLength < first + 4 * count) {
        return NaN;
    }
    for (let index = 0; index < count; index++) {
        if (!Number.isFinite(bytes.getFloat32(first + 4 * index))) {
            return NaN;
        }
    }
    for (let index = 0; index < count; index++) {
        take(LiveLinkNames[index], bytes.getFloat32(first + 4 * index));
    }
    return rate > 0 && Number.isFinite(frame / rate) ? frame / rate : 0;
}

/**
 * Reads an OSC packet: messages, alone or in bundles. A message's value is its last number; where a text comes first
 * (`/VMC/Ext/Blend/Val`), that is the name, else the address is.
 * @param bytes of one packet
 * @param take is told each value
 * @returns whether it was one
 */
export function ReadOscPacket(bytes: DataView, take: TakeValue): boolean {
    return ReadNested(bytes, take, MostNested);
}

/** @param left how many bundles may be in each other from here on */
function ReadNested(bytes: DataView, take: TakeValue, left: number): boolean {
    const text = TextAt(bytes, 0);
    if (text?.value === "#bundle") {
        if (left === 0) {
            return false;
        }
        for (let at = 16; at + 4 <= bytes.byteLength;) {
            const length = bytes.getInt32(at);
            at += 4;
            if (length <= 0 || at + length > bytes.byteLength) {
                return false;
            }
            if (!ReadNested(new DataView(bytes.buffer, bytes.byteOffset + at, length), take, left - 1)) {
                return false;
            }
            at += length;
        }
        return true;
    }
    return text !== null && text.value.startsWith("/") && ReadOscMessage(bytes, text.value, text.end, take);
}

function ReadOscMessage(bytes: DataView, address: string, start: number, take: TakeValue): boolean {
    const types = TextAt(bytes, start);
    if (!types?.value.startsWith(",")) {
        return false;
    }
    let at = types.end;
    let name = address;
    let value = NaN;
    for (const type of types.value.slice(1)) {
        if (type === "s") {
            const text = TextAt(bytes, at);
            if (!text) {
                return false;
            }
            name = text.value;
            at = text.end;
        } else if (type === "f" || type === "i") {
            if (at + 4 > bytes.byteLength) {
                return false;
            }
            value = type === "f" ? bytes.getFloat32(at) : bytes.getInt32(at);
            at += 4;
        } else if (type !== "T" && type !== "F") {
            return false; // of a kind that no face tracker sends
        }
    }
    if (Number.isFinite(value)) {
        take(name, value);
    }
    return true;
}

/**
 * Reads a packet of iFacialMocap, of either version, or of Facemotion3d: weights and turns between bars.
 * @param text of one packet; what divides packets of a TCP stream may be at its end
 * @param take is told each value: weights 0..1, angles in radians
 * @returns whether it was one; if not, nothing was told
 */
export function ReadMocapPacket(text: string, take: TakeValue): boolean {
    const parts = text.replace(/___\w*\s*$/, "").split("|");
    const values: [name: string, value: number][] = [];
    for (const part of parts) {
        const weight = MocapWeight.exec(part);
        const turn = MocapTurn.exec(part);
        if (weight) {
            values.push([weight[1], Number(weight[2]) / 100]);
        } else if (turn) {
            const degrees = turn[2].split(",").slice(0, 3).map(Number);
            if (degrees.length < 3 || !degrees.every(Number.isFinite)) {
                return false;
            }
            ["Pitch", "Yaw", "Roll"].forEach((angle, axis) =>
                values.push([turn[1] + angle, (degrees[axis] * Math.PI) / 180]),
            );
        } else if (part.trim() !== "") {
            return false;
        }
    }
    values.forEach(([name, value]) => take(name, value));
    return values.length > 0;
}

/** A text that ends with a zero and fills whole words. */
function TextAt(bytes: DataView, start: number): { value: string; end: number } | null {
    let end = start;
    while (end < bytes.byteLength && bytes.getUint8(end) !== 0) {
        end++;
    }
    if (end >= bytes.byteLength) {
        return null;
    }
    const value = new TextDecoder().decode(new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start));
    return { value, end: start + 4 * (Math.floor((end - start) / 4) + 1) };
}
