/** Save and load: the person as the bytes of a .flexavatar file, and back again without photos. */
import { FlexAvatarComponent, type FlexAvatar } from "babylon-flexavatar";
import { AddPersonAsync, EyeHeight, FlexAvatarUrl, ShowAsync } from "../shared/stage";

await ShowAsync(async ({ scene, camera, panel }) => {
    camera.radius = 2.1;
    camera.target.y -= 0.07;
    const component = FlexAvatarComponent.GetOrCreate(scene, { assetsUrl: FlexAvatarUrl });
    const original = await AddPersonAsync(component, panel);
    original.position.x = 0.26; // the camera looks at faces, so the left of the picture is +X
    let loaded: FlexAvatar | null = null;

    async function openAsync(source: Blob | ArrayBuffer): Promise<void> {
        const start = performance.now();
        const avatar = await component.loadAsync(source, { onProgress: panel.showProgress });
        loaded?.dispose();
        loaded = avatar;
        loaded.position.set(-0.26, EyeHeight, 0);
        const megabytes = (source instanceof Blob ? source.size : source.byteLength) / 1e6;
        panel.say(`${megabytes.toFixed(1)} MB, opened in ${((performance.now() - start) / 1000).toFixed(1)} s.`);
    }

    panel.addButton("Save and open again", async () => openAsync(await original.saveAsync()));
    panel.addButton("Save to a file", async () => {
        const file = new Blob([await original.saveAsync()]);
        const link = Object.assign(document.createElement("a"), {
            href: URL.createObjectURL(file),
            download: "ada.flexavatar",
        });
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    });
    panel.addFiles("Open a file", ".flexavatar", ([file]) => openAsync(file));
    panel.addSlider("Smile", [0, 1], 0, (value) => {
        for (const avatar of component.avatars) {
            avatar.expression.getTrack("mouthSmileLeft").influence = value;
            avatar.expression.getTrack("mouthSmileRight").influence = value;
        }
    });

    await original.whenRefinedAsync(); // what is saved earlier has neither the photo's detail nor hair and shoulders
    await openAsync(await original.saveAsync());
});
