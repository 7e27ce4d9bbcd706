// Streams: packets of several senders, uneven times, gaps, broken packets. The clock is the spec's.
import { ArkitNames, type ArkitName } from "../../../../src/flame/expression";
import { CreateFaceFrame, JointIndex, WeightIndex } from "../../../../src/plugin/live/faceSource";
import { StreamSource, type IStreamSettings } from "../../../../src/plugin/live/streamSource";
import { MakeLiveFace, WeightsOf } from "../../../support/liveFace";

/** A packet of Live Link Face: version, device, subject, time, 61 numbers. */
function LiveLinkPacket(
    frame: number,
    values: readonly number[],
    rate = 60,
    [device, subject] = ["4A6F7C2E-0F9A-4B53-8D3C-0A1B2C3D4E5F", "iPhone"],
): ArrayBuffer {
    const bytes = new DataView(new ArrayBuffer(1 + 4 + device.length + 4 + subject.length + 17 + 4 * values.length));
    bytes.setUint8(0, 6);
    let at = 1;
    for (const text of [device, subject]) {
        bytes.setInt32(at, text.length);
        [...text].forEach((letter, index) => bytes.setUint8(at + 4 + index, letter.charCodeAt(0)));
        at += 4 + text.length;
    }
    bytes.setInt32(at, frame);
    bytes.setFloat32(at + 4, 0.5);
    bytes.setInt32(at + 8, rate);
    bytes.setInt32(at + 12, 1);
    bytes.setUint8(at + 16, values.length);
    values.forEach((value, index) => bytes.setFloat32(at + 17 + 4 * index, value));
    return bytes.buffer;
}

/** An OSC message with texts and floats. */
function OscMessage(address: string, ...values: (string | number)[]): Uint8Array<ArrayBuffer> {
    const text = (value: string) => {
        const padded = new Uint8Array(4 * (Math.floor(value.length / 4) + 1));
        padded.set(new TextEncoder().encode(value));
        return padded;
    };
    const float = (value: number) => {
        const bytes = new DataView(new ArrayBuffer(4));
        bytes.setFloat32(0, value);
        return new Uint8Array(bytes.buffer);
    };
    const types = `,${values.map((value) => (typeof value === "string" ? "s" : "f")).join("")}`;
    return Join(
        text(address),
        text(types),
        ...values.map((value) => (typeof value === "string" ? text(value) : float(value))),
    );
}

function OscBundle(...messages: Uint8Array[]): Uint8Array<ArrayBuffer> {
    const header = new Uint8Array(16);
    header.set(new TextEncoder().encode("#bundle"));
    const sized = messages.flatMap((message) => [
        new Uint8Array([0, 0, message.length >> 8, message.length & 255]),
        message,
    ]);
    return Join(header, ...sized);
}

/** As many bundles in each other, which would take a reader's stack. */
function NestedBundles(depth: number): Uint8Array<ArrayBuffer> {
    let packet = OscBundle(OscMessage("/avatar/parameters/JawOpen", 1));
    for (let left = depth; left > 1; left--) {
        packet = OscBundle(packet);
    }
    return packet;
}

function Join(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
    const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
        joined.set(part, at);
        at += part.length;
    }
    return joined;
}

/** A stream on a clock that the spec moves, and what it says. */
function MakeStream(settings: IStreamSettings = {}) {
    const clock = { ms: 1000 };
    const stream = new StreamSource({ now: () => clock.ms, ...settings });
    const frame = CreateFaceFrame();
    return {
        clock,
        stream,
        frame,
        read: () => stream.readFrame(frame),
        weight: (name: ArkitName) => frame.weights[WeightIndex(name)],
        says: (name: ArkitName) => frame.says[WeightIndex(name)],
    };
}

const With = (weights: Partial<Record<ArkitName, number>>): number[] => ArkitNames.map((name) => weights[name] ?? 0);

describe("packets of a stream", () => {
    const now = { delayS: 0 };

    it("of Live Link Face: weights and the head", () => {
        const { stream, frame, read, weight } = MakeStream(now);
        stream.push(
            LiveLinkPacket(100, [...With({ jawOpen: 0.5, tongueOut: 0.25 }), 0.4, 0, 0, 0.1, 0.1, 0, 0.1, 0.1, 0]),
        );
        expect(read()).toBe(true);
        expect([weight("jawOpen"), weight("tongueOut")]).toEqual([0.5, 0.25]);
        expect(frame.turns[4 * JointIndex("neck") + 1]).toBeCloseTo(Math.sin(0.2), 6);
        expect(frame.saysTurns[JointIndex("leftEye")]).toBe(0);
    });

    it("of other senders of Live Link Face's packets: with other names and rates, and without a head", () => {
        for (const [count, rate, names] of [
            [61, 30, ["$a8c5d1e2-7b3f-11ee-b962-0242ac120002", "Python_LiveLinkFace"]],
            [52, 24, ["webcam", ""]],
            [55, 60, ["", "tracker"]],
        ] as const) {
            const { stream, frame, read, weight } = MakeStream(now);
            const values = [...With({ jawOpen: 0.5 }), ...Array.from({ length: count - 52 }, () => 0.2)];
            stream.push(LiveLinkPacket(7, values, rate, [...names]));
            expect(read()).withContext(`${count}`).toBe(true);
            expect(weight("jawOpen")).toBe(0.5);
            expect(frame.saysTurns[JointIndex("neck")]).toBe(count > 52 ? 1 : 0);
        }
    });

    it("of OSC: VRCFaceTracking's parameters, ARKit's names, VMC's values, in bundles or one by one", () => {
        const { stream, frame, read, weight } = MakeStream(now);
        stream.push(
            OscBundle(
                OscMessage("/avatar/parameters/v2/JawOpen", 0.5),
                OscMessage("/avatar/parameters/v2/SmileFrownLeft", -0.25),
                OscMessage("/avatar/parameters/v2/EyeLidRight", 0.375), // half open
                OscMessage("/avatar/parameters/v2/JawX", 0.125),
                OscMessage("/avatar/parameters/FT/v2/LipPuckerUpperLeft", 1),
            ),
        );
        stream.push(OscMessage("/avatar/parameters/CheekPuff", 0.75).buffer);
        stream.push(OscMessage("/VMC/Ext/Blend/Val", "BrowInnerUp", 0.625));
        expect(read()).toBe(true);
        expect(WeightsOf(frame.weights)).toEqual({
            jawOpen: 0.5,
            mouthFrownLeft: 0.25,
            eyeBlinkRight: 0.5,
            jawRight: 0.125,
            mouthPucker: 0.25,
            cheekPuff: 0.75,
            browInnerUp: 0.625,
        });
        stream.push({ "/avatar/parameters/JawOpen": 0.25 }); // the same parameter by another address
        read();
        expect(weight("jawOpen")).toBe(0.25);
    });

    it("of iFacialMocap, of both versions and by TCP, and of Facemotion3d: weights, head and eyes", () => {
        const turns = "=head#-20,30.5,2,-0.03,-0.1,-0.65|rightEye#6,2.4,0|leftEye#6,-1.6,0|";
        const underscored = (name: string) => name.replace(/(Left|Right)$/, (side) => `_${side[0]}`);
        const sided = (name: string) => (/^(?:jaw|mouth)(?:Left|Right)$/.test(name) ? name : underscored(name));
        const weights = With({ jawOpen: 0.5, eyeBlinkLeft: 0.25, mouthRight: 0.75, eyeLookInRight: 0.06 });
        const packet = (divider: string, spelled: (name: string) => string) =>
            ArkitNames.map((name, index) => `${spelled(name)}${divider}${100 * weights[index]}|`).join("") + turns;
        for (const text of [
            packet("-", sided),
            packet("&", sided),
            `${packet("-", sided)}___iFacialMocap`,
            packet("&", (name) => name),
        ]) {
            for (const sent of [text, new TextEncoder().encode(text)]) {
                const { stream, frame, read } = MakeStream(now);
                stream.push(sent);
                expect(read()).withContext(text).toBe(true);
                const said = WeightsOf(frame.weights);
                expect(Object.keys(said).length).toBe(4);
                expect(said).toEqual(jasmine.objectContaining({ jawOpen: 0.5, eyeBlinkLeft: 0.25, mouthRight: 0.75 }));
                // Up and to the left.
                const [pitch, yaw, roll] = [-20, 30.5, 2].map((degrees) => (degrees * Math.PI) / 360);
                expect(frame.turns[4 * JointIndex("neck")]).toBeCloseTo(
                    Math.cos(yaw) * Math.sin(pitch) * Math.cos(roll) + Math.sin(yaw) * Math.cos(pitch) * Math.sin(roll),
                    6,
                );
                expect(frame.saysTurns[JointIndex("neck")]).toBe(1);
                expect(frame.saysTurns[JointIndex("leftEye")]).toBe(0);
            }
        }
        const face = MakeLiveFace();
        const { stream } = MakeStream(now);
        face.mixer.add(stream, {});
        stream.push(`jawOpen&4|FM_SAD&0|${turns}`);
        expect(face.notices[0].message).toContain("FM_SAD");
        face.dispose();
    });

    it("of 52 numbers: as lists, arrays, JSON text and bytes, in Apple's order or LAM's", () => {
        const values = With({ jawOpen: 0.5, mouthSmileRight: 0.25 });
        for (const packet of [
            values,
            Float32Array.from(values),
            JSON.stringify(values),
            JSON.stringify({ weights: values, state: "Responding" }),
            new TextEncoder().encode(JSON.stringify(values)),
        ]) {
            const { stream, frame, read } = MakeStream(now);
            stream.push(packet);
            expect(read()).toBe(true);
            expect(WeightsOf(frame.weights)).toEqual({ jawOpen: 0.5, mouthSmileRight: 0.25 });
        }
        const { stream, frame, read } = MakeStream({ ...now, names: "alphabetical" });
        stream.push([...ArkitNames].sort().map((name) => (name === "jawOpen" ? 0.5 : 0)));
        read();
        expect(WeightsOf(frame.weights)).toEqual({ jawOpen: 0.5 });
    });

    it("of MediaPipe; without a face nothing changes", () => {
        const { stream, frame, read, says } = MakeStream(now);
        stream.push({ faceBlendshapes: [{ categories: [{ categoryName: "jawOpen", score: 0.5 }] }] });
        stream.push({ faceBlendshapes: [], faceLandmarks: [] });
        read();
        expect(WeightsOf(frame.weights)).toEqual({ jawOpen: 0.5 });
        expect([says("jawOpen"), says("jawLeft")]).toEqual([1, 0]);
        expect(stream.statistics.broken).toBe(0);
    });

    it("that are broken are counted and told once, and the face goes on", () => {
        const face = MakeLiveFace();
        const { stream } = MakeStream(now);
        face.mixer.add(stream, { fadeS: 0 });
        stream.push(With({ jawOpen: 0.5 }));
        const whole = LiveLinkPacket(1, With({}));
        const broken = [
            new ArrayBuffer(0),
            new ArrayBuffer(40),
            whole.slice(0, 200),
            LiveLinkPacket(1, With({ jawOpen: NaN })),
            OscMessage("/avatar/parameters/JawOpen", 0.5).slice(0, 30),
            NestedBundles(3000),
            "{ broken",
            "jawOpen-50|mouth",
            "jawOpen-50|=head#1,2|",
            "hello",
            "",
            [1, 2, 3],
            {},
            null as never,
        ];
        for (const packet of broken) {
            expect(() => stream.push(packet)).not.toThrow();
        }
        face.draw(2);
        expect(face.weight("jawOpen")).toBe(0.5);
        expect(stream.statistics.broken).toBe(broken.length);
        expect(stream.statistics.packets).toBe(1);
        expect(new Set(face.notices.map(({ code, message }) => code + message)).size).toBe(1);
        expect(face.notices[0].code).toBe("packet-broken");
        face.dispose();
    });

    it("may be bundles in a bundle", () => {
        const { stream, frame, clock } = MakeStream({ delayS: 0 });
        stream.push(NestedBundles(3));
        clock.ms += 1;
        expect(stream.statistics).toEqual(jasmine.objectContaining({ packets: 1, broken: 0 }));
        expect(stream.readFrame(frame)).toBeTrue();
        expect(frame.weights[ArkitNames.indexOf("jawOpen")]).toBe(1);
    });

    it("with unknown names tell them", () => {
        const face = MakeLiveFace();
        const { stream } = MakeStream(now);
        stream.push({ jawOpen: 0.5, EarLeft: 1 });
        face.mixer.add(stream, {});
        stream.push({ jawOpen: 0.5, EarRight: 1 });
        expect(face.notices.map(({ code }) => code)).toEqual(["columns-unknown", "columns-unknown"]);
        expect(face.notices[1].message).toContain("EarLeft, EarRight");
        face.dispose();
    });
});

describe("the time of a stream", () => {
    it("lies between packets evenly, behind them by the delay", () => {
        const { clock, stream, read, weight, frame } = MakeStream({ delayS: 0.05 });
        for (let packet = 0; packet <= 10; packet++) {
            clock.ms = 1000 + 40 * packet;
            stream.push({ jawOpen: packet / 10 });
        }
        clock.ms = 1000 + 40 * 10 + 10;
        read();
        expect(weight("jawOpen")).toBeCloseTo(0.9, 5); // 360 ms after the first
        expect(frame.sampledAtMs).toBeCloseTo(1360, 6);
    });

    it("is even where a sender's clock is, however packets come", () => {
        const { clock, stream, read, weight } = MakeStream();
        const jitter = [0, 21, 3, 17, 9, 25, 1, 13];
        const shown: number[] = [];
        let packet = 0;
        for (let ms = 1000; ms < 5000; ms += 8) {
            clock.ms = ms;
            while (1000 + 33 * packet + jitter[packet % 8] <= ms) {
                stream.push({ jawOpen: (packet % 100) / 100 }, 50 + 0.033 * packet);
                packet++;
            }
            if (ms > 2500 && ms < 4000 && read()) {
                shown.push(weight("jawOpen"));
            }
        }
        const steps = shown.slice(1).map((value, index) => value - shown[index]);
        const even = 0.01 * (8 / 33);
        // A packet in 33 ms moves it by 0.01. Delay and drift may creep, packets may not show.
        steps.forEach((step) => expect(Math.abs(step - even)).toBeLessThan(0.6 * even));
        expect(stream.statistics.delayS).toBeGreaterThan(0.033);
        expect(stream.statistics.delayS).toBeLessThan(0.12);
        expect(stream.statistics.rate).toBeCloseTo(1 / 0.033, 0);
    });

    it("holds on a gap, then relaxes, then is silent, and comes back", () => {
        const { clock, stream, read, weight, says } = MakeStream({ delayS: 0, holdS: 0.2, relaxS: 0.4 });
        stream.push({ jawOpen: 0.8 });
        clock.ms += 190;
        expect(read()).toBe(true);
        expect([weight("jawOpen"), says("jawOpen")]).toEqual([Math.fround(0.8), 1]);
        clock.ms += 210; // half relaxed
        read();
        expect(says("jawOpen")).toBeCloseTo(0.5, 5);
        clock.ms += 250;
        expect(read()).toBe(false);
        stream.push({ jawOpen: 0.2 });
        expect(read()).toBe(true);
        expect(weight("jawOpen")).toBeCloseTo(0.2, 6); // not between the ends of the gap
    });

    it("takes packets that were overtaken, and clocks that begin anew", () => {
        const { clock, stream, read, weight } = MakeStream({ delayS: 0 });
        stream.push({ jawOpen: 0.5 }, 10);
        clock.ms += 33;
        stream.push({ jawOpen: 0.6 }, 10.066);
        stream.push({ jawOpen: 0.1 }, 10.033); // late
        read();
        expect(weight("jawOpen")).toBeCloseTo(0.6, 5);
        clock.ms += 33;
        stream.push({ jawOpen: 0.7 }, 0.01);
        clock.ms += 10;
        read();
        expect(weight("jawOpen")).toBeCloseTo(0.7, 5);
    });

    it("is silent before the first packet, and refuses wrong settings", () => {
        expect(MakeStream().read()).toBe(false);
        expect(() => MakeStream({ delayS: 2 })).toThrowError(/delayS/);
        expect(() => MakeStream({ holdS: NaN })).toThrowError(/holdS/);
    });
});
