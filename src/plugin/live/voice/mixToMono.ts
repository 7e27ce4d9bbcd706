/** @returns the mean of all channels, [length], -1..1 */
export function MixToMono(buffer: AudioBuffer): Float32Array {
    const mono = new Float32Array(buffer.length);
    for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
        const samples = buffer.getChannelData(channel);
        for (let at = 0; at < mono.length; at++) {
            mono[at] += samples[at] / buffer.numberOfChannels;
        }
    }
    return mono;
}
