/** Live: a voice moves the mouth, a webcam the whole face, a gaze finds you, and idle life fills what is left. */
import * as Flex from "babylon-flexavatar";
import { AddPersonAsync, DrawnLatencyAsync, FlexAvatarUrl, ShowAsync } from "../shared/stage";

await ShowAsync(async ({ engine, scene, panel }) => {
    const component = Flex.FlexAvatarComponent.GetOrCreate(scene, { assetsUrl: FlexAvatarUrl });
    component.onNoticeObservable.add(({ message }) => panel.say(message));
    const avatar = await AddPersonAsync(component, panel);
    const life = new Flex.LifeSource({ seed: 7 });
    avatar.addSource(life);
    const look = avatar.addSource(new Flex.LookAtSource("camera"), { priority: 1 });
    const live = new Map<string, { source: Flex.IFaceSource; handle: Flex.ISourceHandle }>();

    /** A source comes with its switch and goes with it. */
    async function turnAsync(name: string, on: boolean, openAsync: () => Promise<Flex.IFaceSource>): Promise<void> {
        live.get(name)?.handle.remove();
        live.get(name)?.source.dispose?.();
        live.delete(name);
        panel.say("It lives by itself.");
        if (on) {
            const source = await openAsync();
            live.set(name, { source, handle: avatar.addSource(source, { priority: name === "voice" ? 3 : 2 }) });
        }
    }

    const speech = new Flex.VoiceSource(null);
    avatar.addSource(speech, { priority: 3 });
    panel.addFiles("A sound that it speaks", "audio/*", async ([file]) => {
        speech.stopSpeech();
        await speech.resumeAsync();
        await speech.speakAsync(await file.arrayBuffer());
    });
    panel.addSwitch("Speaks with your microphone", false, (on) =>
        turnAsync("voice", on, () => Flex.VoiceSource.FromMicrophoneAsync()),
    );
    panel.addSwitch("Moves with your camera", false, (on) =>
        turnAsync("camera", on, () => Flex.CameraSource.OpenAsync({ mirror: true })),
    );
    panel.addSwitch("Looks at you", true, (on) => look.fadeTo(on ? 1 : 0, 0.4));
    panel.addChoice(
        "Mood",
        ["neutral", "happy", "sad", "angry", "relaxed", "surprised"],
        (mood) => (life.mood = mood as Flex.Mood),
    );
    const recorder = new Flex.FaceRecorder(avatar);
    panel.addSwitch("Records", false, (on) => (on ? recorder.start() : save(recorder.stop().toGlb())));

    function save(bytes: Uint8Array<ArrayBuffer>): void {
        const href = URL.createObjectURL(new Blob([bytes], { type: "model/gltf-binary" }));
        Object.assign(document.createElement("a"), { href, download: "face.glb" }).click();
    }
    setInterval(async () => {
        for (const [name, { handle }] of live) {
            const [drawn, mixed] = [await DrawnLatencyAsync(engine, handle), handle.latencyMs].map(Math.round);
            if (live.has(name)) panel.say(`${name}: ${drawn} ms until drawn, ${mixed} of them to the face.`);
        }
    }, 1000);
    panel.say("It lives by itself. Give it a sound, a voice or a face.");
});
