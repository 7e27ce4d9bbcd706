/** All that hears: loaded when the first voice comes, not with the library. */
export { BakeVisemes } from "./bakeVisemes.js";
export { LoadVoiceWorkletAsync } from "./startWorklet.js";
export { DecodeVisemeWeights } from "./visemeWeights.js";
export { VoiceAnalyser } from "./voiceAnalyser.js";
