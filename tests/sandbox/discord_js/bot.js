// A bot as the guides of discord.js write it. Of the sandbox it knows the address and the token.
const {
  ActionRowBuilder,
  AttachmentBuilder,
  ButtonBuilder,
  ButtonStyle,
  Client,
  GatewayIntentBits,
  ModalBuilder,
  TextInputBuilder,
  TextInputStyle,
  UserSelectMenuBuilder,
} = require("discord.js");

const client = new Client({
  intents: [
    GatewayIntentBits.Guilds,
    GatewayIntentBits.GuildMessages,
    GatewayIntentBits.MessageContent,
    GatewayIntentBits.GuildVoiceStates,
  ],
  rest: { api: process.env.DISCORD_API },
});

client.once("clientReady", async () => {
  await client.application.commands.create({ name: "hello", description: "Says hello" });
  console.log("ready");
});

client.on("interactionCreate", async (interaction) => {
  if (interaction.isChatInputCommand()) {
    const buttons = new ActionRowBuilder().addComponents(
      new ButtonBuilder().setCustomId("ask").setLabel("Ask").setStyle(ButtonStyle.Primary),
    );
    const friends = new ActionRowBuilder().addComponents(
      new UserSelectMenuBuilder().setCustomId("friend"),
    );
    const file = new AttachmentBuilder(Buffer.from("hi"), { name: "hi.txt" });
    await interaction.reply({ content: "hello", components: [buttons, friends], files: [file] });
  } else if (interaction.isButton()) {
    const name = new TextInputBuilder()
      .setCustomId("name")
      .setLabel("Name")
      .setStyle(TextInputStyle.Short);
    const modal = new ModalBuilder().setCustomId("form").setTitle("Form");
    await interaction.showModal(modal.addComponents(new ActionRowBuilder().addComponents(name)));
  } else if (interaction.isModalSubmit()) {
    await interaction.reply(`hello, ${interaction.fields.getTextInputValue("name")}`);
  } else if (interaction.isUserSelectMenu()) {
    await interaction.update({ content: interaction.users.first().username, components: [] });
  }
});

client.on("messageCreate", async (message) => {
  if (message.content === "ping") {
    await message.react("👍");
    await message.reply("pong");
  }
});

client.on("voiceStateUpdate", (before, after) => console.log(`voice ${after.channelId}`));

client.login(process.env.DISCORD_TOKEN);
