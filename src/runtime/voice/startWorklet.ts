/** The one place that loads the audio worklet. */
import workletSource from "./worklet/voiceWorklet.ts?text";

/** Each context takes the script once. */
const Loaded = new WeakMap<BaseAudioContext, Promise<void>>();

/**
 * Loads it, by default from its text, so that no bundler has to carry a file along. A second call for the same context
 * waits for the first one.
 * @param fileUrl address of `voiceWorklet.js` on the page's own origin, for pages whose policy refuses the text
 * @throws where the browser has no worklets, or refuses the script
 */
export function LoadVoiceWorkletAsync(context: BaseAudioContext, fileUrl?: string): Promise<void> {
    const before = Loaded.get(context);
    if (before) {
        return before;
    }
    const loading = LoadAsync(context, fileUrl);
    Loaded.set(context, loading);
    loading.catch(() => Loaded.delete(context));
    return loading;
}

async function LoadAsync({ audioWorklet }: BaseAudioContext, fileUrl: string | undefined): Promise<void> {
    if (!audioWorklet) {
        throw new Error("this page has no audio worklets; they need https");
    }
    if (fileUrl !== undefined) {
        await audioWorklet.addModule(fileUrl);
        return;
    }
    const url = URL.createObjectURL(new Blob([workletSource], { type: "text/javascript" }));
    try {
        await audioWorklet.addModule(url);
    } finally {
        URL.revokeObjectURL(url);
    }
}
