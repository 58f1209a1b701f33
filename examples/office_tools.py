"""A small MCP tool server on the official Python SDK: an address book and an outbox. Sirocco's agent hosts it in the demo."""
from mcp.server.mcpserver import MCPServer

server = MCPServer("office")
CONTACTS = {"maria lopez": "maria.lopez@example.com", "tom novak": "tom.novak@example.com", "erik sorensen": "erik@example.org"}


@server.tool()
def get_contact(name: str) -> dict[str, str]:
    """Find a contact's email address"""
    email = CONTACTS.get(name.strip().lower())
    return {"name": name, "email": email} if email else {"error": "not found"}


@server.tool()
def send_email(to: str, subject: str) -> dict[str, str]:
    """Send an email"""
    return {"status": "sent"}


if __name__ == "__main__":
    server.run()
