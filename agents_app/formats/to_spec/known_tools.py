"""The tools of crewai_tools and LangChain by name: which tool here stands for each, or what to do instead."""

from __future__ import annotations

from collections.abc import Iterable

from agents_app.formats.to_spec.naming import snake

SAME = {"SerperDevTool": "web_search", "ScrapeWebsiteTool": "scrape_website"}
"""They do what the tool here does."""
ALIKE = {
    name: here
    for here, names in {
        "web_search": """
            BraveSearchTool BraveWebSearchTool DuckDuckGoSearchResults DuckDuckGoSearchRun DuckDuckGoSearchTool
            EXASearchTool ExaSearchTool GoogleSerperAPIWrapper GoogleSerperRun LinkupSearchTool
            SerpApiGoogleSearchTool SerplyWebSearchTool
            SerplyNewsSearchTool TavilySearchResults TavilySearchTool TavilySearch YouSearchTool ParallelSearchTool
            BraveNewsSearchTool SerpAPIWrapper BraveSearch WebSearchTool serpapi google-serper ddg-search
            google-search""",
        "scrape_website": """
            FirecrawlScrapeWebsiteTool JinaScrapeWebsiteTool ScrapeElementFromWebsiteTool ScrapflyScrapeWebsiteTool
            SeleniumScrapingTool SerperScrapeWebsiteTool TavilyExtractorTool ScrapegraphScrapeTool SpiderTool
            SerplyWebpageToMarkdownTool BrightDataWebUnlockerTool""",
        "calculator": "CalculatorTool CalculatorTools calculate calculator llm-math",
        "current_time": "CurrentTimeTool get_current_time get_current_date",
    }.items()
    for name in names.split()
}
"""The tool here takes their place; it asks another service, or says things in another form."""

_DOCUMENTS = "upload its documents under Knowledge and give the agent knowledge_search"
SERVER = (
    "give the agent mcp with the address of a server that does this, or http_request with the hosts that it may ask"
)
_FILES = "runs touch no files: outputs are kept with the run, and inputs come with the launch"
_CODE = "no code runs here: offer it over a server of yours, and give the agent mcp or http_request"
_PICTURES = "pictures are not part of a crew here"
_PERSON = "let a person look at the task's answer: switch on human review of the task"
_IN_CREW = "agents hand work to each other where delegation is switched on"
OWN = (
    "a Python tool of the project is not imported: offer it over HTTP or an MCP server, and give the agent "
    "http_request or mcp"
)
SERVERS = frozenset({"MCPServerAdapter", "MCPAdapt", "MCPClient", "MultiServerMCPClient", "MCPToolset", "MCPTools"})
"""Objects that stand for the tools of MCP servers."""
INSTEAD = {
    name: advice
    for advice, names in {
        _DOCUMENTS: """
            PDFSearchTool DOCXSearchTool TXTSearchTool CSVSearchTool JSONSearchTool MDXSearchTool XMLSearchTool RagTool
            DirectorySearchTool WebsiteSearchTool CodeDocsSearchTool LlamaIndexTool ContextualAIQueryTool
            QdrantVectorSearchTool
            WeaviateVectorSearchTool MongoDBVectorSearchTool CouchbaseFTSVectorSearchTool PDFTextWritingTool OCRTool""",
        SERVER: """
            MCPServerAdapter MCPAdapt MCPClient MultiServerMCPClient MCPToolset MCPTools
            GithubSearchTool YoutubeChannelSearchTool YoutubeVideoSearchTool PGSearchTool
            MySQLSearchTool
            NL2SQLTool SnowflakeSearchTool DatabricksQueryTool SingleStoreSearchTool ComposioTool ZapierActionTool
            ZapierActionTools ApifyActorsTool MultiOnTool StagehandTool BrowserbaseLoadTool HyperbrowserLoadTool
            FirecrawlCrawlWebsiteTool FirecrawlSearchTool ArxivPaperTool SerplyScholarSearchTool SerplyJobSearchTool
            S3ReaderTool S3WriterTool BedrockInvokeAgentTool BedrockKBRetrieverTool CrewaiEnterpriseTools
            CrewaiPlatformTools InvokeCrewAIAutomationTool OxylabsUniversalScraperTool OxylabsGoogleSearchScraperTool
            OxylabsAmazonProductScraperTool OxylabsAmazonSearchScraperTool BrightDataSearchTool BrightDataDatasetTool
            PatronusEvalTool PatronusPredefinedCriteriaEvalTool PatronusLocalEvaluatorTool ScrapegraphSmartScraperTool
            MergeAgentHandlerTool GenerateCrewaiAutomationTool WikipediaQueryRun YahooFinanceNewsTool PubmedQueryRun
            WikipediaTool wikipedia arxiv pubmed ArxivQueryRun SQLDatabaseToolkit GmailToolkit ComposioToolSet
            ComposioToolset Composio ArcadeToolManager""",
        _FILES: """
            FileReadTool FileWriterTool FileWriteTool DirectoryReadTool FileCompressorTool FileManagementToolkit
            WriteFileTool ReadFileTool ListDirectoryTool""",
        _CODE: "CodeInterpreterTool E2BPythonTool DaytonaExecTool PythonREPLTool PythonREPL ShellTool SeleniumTool",
        _PICTURES: "DallETool VisionTool AIMindTool",
        _PERSON: "human HumanInputRun HumanTool HumanInputTool",
        _IN_CREW: "DelegateWorkTool AskQuestionTool AddImageTool",
    }.items()
    for name in names.split()
}
"""No tool here stands for them; what to do instead, as the end of a sentence."""


def _by_snake(*tables: Iterable[str]) -> dict[str, str]:
    names = [name for table in tables for name in table]
    return {
        **{snake(name.removesuffix("Tool")): name for name in names if name[:1].isupper()},
        **{snake(n): n for n in names},
    }


BY_SNAKE = _by_snake(SAME, ALIKE, INSTEAD)
"""Names in any spelling, also without their end, as YAML and JSON have them."""
