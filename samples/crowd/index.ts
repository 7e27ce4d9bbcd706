/** Crowd: instances share maps and networks, have their own place and face, and are drawn at once. */
import { FlexAvatarComponent, LookAtSource, type FlexAvatar } from "babylon-flexavatar";
import { AddPersonAsync, AssetsUrl, EyeHeight, FlexAvatarUrl, LoadClipAsync, ShowAsync } from "../shared/stage";

const Columns = 4;
const Count = 16;

await ShowAsync(async ({ scene, camera, panel }) => {
    [camera.radius, camera.beta] = [3.7, 1.3];
    const component = FlexAvatarComponent.GetOrCreate(scene, { assetsUrl: FlexAvatarUrl });
    const first = await AddPersonAsync(component, panel);
    const clip = await LoadClipAsync(`${AssetsUrl}phrase.glb`, scene);

    function place(avatar: FlexAvatar, index: number): void {
        const [row, column] = [Math.floor(index / Columns), index % Columns];
        const shifted = column + (row % 2) / 2; // each row looks between the heads of the one before it
        avatar.position.set(0.42 * (shifted - (Columns - 0.5) / 2), EyeHeight - 0.25 + 0.13 * row, 0.5 - 0.42 * row);
        const bound = avatar.bindAnimationGroup(clip);
        bound.start(true, 0.8 + (0.4 * index) / Count);
        bound.goToFrame(bound.from + ((index * 7) % Count) * ((bound.to - bound.from) / Count));
    }

    place(first, 0);
    for (let index = 1; index < Count; index++) {
        place(first.createInstance(`twin ${index}`), index);
    }

    panel.addSlider("How many", [1, Count], Count, (value) => {
        component.avatars.forEach((avatar, index) => avatar.setEnabled(index < Math.round(value)));
        tell();
    });
    const looks = component.avatars.map((avatar) => avatar.addSource(new LookAtSource("camera"), { weight: 0 }));
    panel.addSwitch("They look at you", false, (on) => looks.forEach((look) => look.fadeTo(on ? 1 : 0, 0.4)));

    function tell(): void {
        const { gaussians, gpuBytes } = component.statistics;
        const draws = new Set(component.avatars.map(({ splatMesh }) => splatMesh)).size;
        const shown = component.avatars.filter((avatar) => avatar.isEnabled()).length;
        const numbers = `${(gaussians / 1e6).toFixed(1)} million Gaussians, ${(gpuBytes / 1e6).toFixed(0)} MB`;
        panel.say(`${shown} of ${component.avatars.length} avatars shown in ${draws} draw. Together ${numbers}.`);
    }
    tell();
});
