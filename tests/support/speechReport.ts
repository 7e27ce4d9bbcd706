/** What scripts/measureVoice.mjs bundles: everything that it needs of the sources. */
export { ArkitNames } from "../../src/flame/expression.js";
export { MouthMotion } from "../../src/runtime/voice/mouthMotion.js";
export { SpeechShapes } from "../../src/runtime/voice/mouthShapes.js";
export { VisemeFrames, VoiceVisemes } from "../../src/runtime/voice/visemeFrames.js";
export { DecodeVisemeWeights } from "../../src/runtime/voice/visemeWeights.js";
export { BufferedAhead, LiveAhead } from "../../src/runtime/voice/voiceAhead.js";
export * from "./speechMeasure.js";
