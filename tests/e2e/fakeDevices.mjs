// Microphones and cameras that are files, for Chromium's switches.
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { createCanvas, loadImage } from "@napi-rs/canvas";

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const folder = mkdtempSync(path.join(tmpdir(), "flex-devices-"));

/** A file of 16-bit samples at 48 kHz. */
function waveFile(name, samples) {
    const rate = 48_000;
    const header = Buffer.alloc(44);
    header.write("RIFF", 0);
    header.writeUInt32LE(36 + samples.byteLength, 4);
    header.write("WAVEfmt ", 8);
    [16, 0x10001].forEach((word, i) => header.writeUInt32LE(word, 16 + 4 * i));
    header.writeUInt32LE(rate, 24);
    header.writeUInt32LE(2 * rate, 28);
    header.writeUInt32LE(0x100002, 32);
    header.write("data", 36);
    header.writeUInt32LE(samples.byteLength, 40);
    const file = path.join(folder, name);
    writeFileSync(file, Buffer.concat([header, Buffer.from(samples.buffer)]));
    return file;
}

/** One second of an open vowel, one of silence, as a microphone would hear it: a buzz through two resonances. */
export function VoiceFile() {
    const rate = 48_000;
    const samples = new Int16Array(2 * rate);
    const states = [700, 1200].map((hertz) => ({ hertz, a: 0, b: 0 }));
    for (let i = 0; i < rate; i++) {
        let value = i % Math.round(rate / 120) === 0 ? 1 : 0;
        for (const state of states) {
            const radius = Math.exp((-Math.PI * 90) / rate);
            const out =
                value + 2 * radius * Math.cos((2 * Math.PI * state.hertz) / rate) * state.a - radius ** 2 * state.b;
            [state.b, state.a] = [state.a, out];
            value = out * 0.1;
        }
        samples[i] = Math.max(-32767, Math.min(32767, 250_000 * value));
    }
    return waveFile("voice.wav", samples);
}

/** Two seconds of digital silence. */
export function SilentFile() {
    return waveFile("silence.wav", new Int16Array(96_000));
}

/** The bundled portrait before a webcam, nodding a little. */
export async function FaceFileAsync() {
    const portrait = await loadImage(readFileSync(path.join(root, "samples/assets/astronaut.png")));
    const canvas = createCanvas(640, 480);
    const context = canvas.getContext("2d");
    const frames = Array.from({ length: 30 }, (_, i) => {
        const size = 720;
        context.drawImage(portrait, -20, -20 + 8 * Math.sin((2 * Math.PI * i) / 30), size, size);
        return canvas.toBuffer("image/jpeg");
    });
    const file = path.join(folder, "face.mjpeg");
    writeFileSync(file, Buffer.concat(frames));
    return file;
}

/** Switches for devices that are files. @param files `voice` and `face` */
export function DeviceFlags({ voice, face }) {
    return [
        "--use-fake-device-for-media-stream",
        `--use-file-for-fake-audio-capture=${voice}`,
        `--use-file-for-fake-video-capture=${face}`,
        "--autoplay-policy=no-user-gesture-required",
    ];
}
